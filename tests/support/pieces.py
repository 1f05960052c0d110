"""Unusual pieces of streams, from which property tests and fuzz targets build their input."""

from __future__ import annotations

WORDS = (
    b"Event Response Follows Success Goodbye Output ActionID Privilege Message Hangup Cause "
    b"QueueMember Paused Penalty Uniqueid UniqueID UNIQUEID OriginateResponse Reason State "
    b"Timestamp SequenceNumber CallerIDNum <unknown> 16 -1 1 0.5 yes Duration 00:01:02"
).split()
JOINTS = [b":", b": ", b" : ", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\r\n\n", b"\n\n"]
LINES = [
    b"Asterisk Call Manager/11.0.0\r\n",
    b"OpenProxy 2.0\r\n",
    b"Event: Hangup\r\n",
    b"Event: Newchannel\n",
    b"Event: Nobody Knows\r\n",
    b"Response: Success\r\n",
    b"Response: Follows\r\n",
    b"Response: Follows\n",
    b"Privilege: Command\r\n",
    b"ActionID: a\r\n",
    b"ActionID: a\n",
    b"Output: x: y\r\n",
    b"Output:\r\n",
    b"Cause: 16\r\n",
    b" Cause : 17\r\n",
    b"\tEvent\t: X\r\n",
    b"\tResponse\t: Follows\r\n",
    b"cause: 18\r\n",
    b"ChanVariable(Local/x): k=v\r\n",
    b"Message: No Contacts found\n",
    b"--END COMMAND--\r\n",
    b"last: line --END COMMAND--\n",
    b"no colon\r\n",
    b"no colon\n",
    b"X-Long: " + 70 * b"x" + b"\r\n",
    b"Name: Chlo\xc3\xab \xff\r\n",
    b"\r\n",
    b"\r\n",
    b"\n",
    b"Event: Hangup\r\nCause: 16\r\nCause: 17\r\n\r\n",
    b"Event: QueueMember\r\nPaused: 1\r\nno colon\r\n\r\n",
    b"Response: Success\r\nOutput: \r\nOutput:  a: b \r\n\r\n",
    b"Response: Follows\r\nPrivilege: Command\r\none\n\ntwo: 2\n--END COMMAND--\r\n\r\n",
]
HEADERS = [
    *(b"Cause: 16\r\n", b"Cause: 127\r\n", b"Cause: \r\n", b"Cause:16\r\n", b"Cause:  16 \r\n"),
    *(b"Cause:  17\r\n", b"Cause: \t18\r\n"),
    *(b"Cause: 1\n", b"Cause : 3\r\n", b"cause: 4\r\n", b"Causes: 5\r\n", b"Caus: 6\r\n"),
    *(b"Uniqueid: 1.0\r\n", b"Uniqueid: 1.1\r\n", b"UniqueID: 1.2\r\n", b"Timestamp: nan\r\n"),
    *(b"Cause-txt: Normal\r\n", b"Cause-txt: Chlo\xc3\xab\r\n", b"Cause-txt: \xff\r\n"),
    *(b"Cause-txt: a: b\r\n", b"Cause-txt: a\tb\r\n", b"Cause-txt: \ta\r\n", b"Cause-txt: a\r\r\n"),
    *(b"State: INUSE\r\n", b"State: \r\n", b"State: ODD\r\n", b"ChannelState: 6\r\n"),
    *(b"ChannelState: 99\r\n", b"Report0LSR: 1\r\n", b"Report1LSR: x\r\n", b"To: a:1\r\n"),
    *(b"ChanVariable: a=b=c\r\n", b"ChanVariable(X/1): d\r\n", b"Variable: e=\r\n"),
    *(b"Priority: 1\r\n", b": 1\r\n", b"no colon\r\n", b"N\xc3\xab: 1\r\n", b"A\tB: 1\r\n"),
]
