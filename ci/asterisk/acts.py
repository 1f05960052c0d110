"""The acts: each makes Asterisk say something, and waits until it has."""

from __future__ import annotations

import socket
from collections.abc import Callable

from ami import SECRET, USER
from lab import Call, Lab, NotSeenError

DTMF_GAP = 0.3
XMPP_HEAD = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' id='1' "
    "xmlns:stream='http://etherx.jabber.org/streams' from='asterisk.lab.example'>"
)
ACTS: list[Callable[[Lab], None]] = []


def act(function: Callable[[Lab], None]) -> Callable[[Lab], None]:
    """Add a function to what is driven."""
    ACTS.append(function)
    return function


def login(user: str, secret: str, **headers: str) -> dict[str, str]:
    return {"Action": "Login", "Username": user, "Secret": secret, **headers}


# --- channels ---------------------------------------------------------------------------------


@act
def variables_and_handlers(lab: Lab) -> None:
    """Variables, renamed callers, hangup handlers, user events."""
    call = lab.call("vars")
    for event in ("HangupHandlerPush", "HangupHandlerPop", "HangupHandlerRun", "NewAccountCode"):
        lab.expect(event, Uniqueid=call.far)
    lab.expect("UserEvent", UserEvent="CallStart", Uniqueid=call.far)
    lab.expect("Cdr", UniqueID=call.far)


@act
def states(lab: Lab) -> None:
    """Device and presence states, and the hints that show them."""
    lab.call("states")
    lab.expect("PresenceStateChange", Presentity="CustomPresence:lamp")
    lab.expect("PresenceStatus", Exten="hint1")
    lab.expect("DeviceStateChange", Device="Custom:lamp")
    lab.expect("ExtensionStatus", Exten="hint1")
    lab.must("ExtensionState", Exten="hint1", Context="acts")
    lab.must("PresenceState", Provider="CustomPresence:lamp")


@act
def failed_calls(lab: Lab) -> None:
    """Calls that never connect."""
    for channel in ("Local/nosuch@nowhere", "Local/busy@acts", "Local/congestion@acts/n"):
        action_id = lab.send(
            "Originate", Channel=channel, Application="Wait", Data=1, Timeout=3000, Async="true"
        )
        lab.expect("OriginateResponse", ActionID=action_id)


@act
def channel_actions(lab: Lab) -> None:
    """Actions on one channel: digits, text, flash, mute, variables, redirect, timeout, hangup."""
    call = lab.call("wait", near="echo")
    lab.expect("Newstate", Uniqueid=call.far, ChannelStateDesc="Up")
    for digit in "1*#":
        lab.must("PlayDTMF", Channel=call.near, Digit=digit, Receive="true", Duration=120)
    lab.expect("DTMFBegin", Uniqueid=call.near)
    lab.expect("DTMFEnd", Uniqueid=call.near)
    lab.must("SendFlash", Channel=call.near, Receive="true")
    lab.expect("Flash", Uniqueid=call.near)
    lab.must("SendText", Channel=lab.channel(call.far), Message="Hallå: text")
    lab.ask("PlayMF", Channel=call.near, Digit="5")
    lab.must("MuteAudio", Channel=lab.channel(call.far), Direction="all", State="on")
    lab.must("Setvar", Channel=call.far, Variable="SEEN", Value="a: b")
    lab.must("Getvar", Channel=call.far, Variable="SEEN")
    lab.must("Getvar", Variable="GREETING")
    lab.must("AbsoluteTimeout", Channel=lab.channel(call.far), Timeout=20)
    lab.must("Redirect", Channel=call.far, Context="acts", Exten="talk", Priority=1)
    lab.expect("Newexten", Uniqueid=call.far, Extension="talk")
    lab.must("Hangup", Channel=call.far, Cause=16)
    lab.expect("SoftHangupRequest", Uniqueid=call.far)
    lab.expect("HangupRequest", Uniqueid=call.near)
    lab.expect("Hangup", Uniqueid=call.far)


@act
def talk_detection(lab: Lab) -> None:
    """Somebody starts and stops to talk."""
    call = lab.call("detect", near="speak")
    lab.expect("ChannelTalkingStart", Uniqueid=call.far)
    lab.expect("ChannelTalkingStop", Uniqueid=call.far)
    lab.hang_up(call.near)


@act
def music_on_hold(lab: Lab) -> None:
    """Music."""
    call = lab.call("held")
    lab.expect("MusicOnHoldStart", Uniqueid=call.far)
    lab.expect("MusicOnHoldStop", Uniqueid=call.far)


@act
def winks(lab: Lab) -> None:
    """A signal of old trunks."""
    call = lab.call("wink", near="echo")
    lab.expect("Wink", Uniqueid=call.near)


@act
def recording(lab: Lab) -> None:
    """A recording of a whole call, muted, stopped, and asked for by action."""
    call = lab.call("talk", near="wait")
    far = lab.channel(call.far)
    lab.must("MixMonitor", Channel=far, File="/tmp/lab-mix.wav", options="r(/tmp/r.wav)")
    lab.expect("MixMonitorStart", Uniqueid=call.far)
    for state in (1, 0):
        lab.must("MixMonitorMute", Channel=far, Direction="both", State=state)
        lab.expect("MixMonitorMute", Uniqueid=call.far, State=str(state))
    lab.must("StopMixMonitor", Channel=far)
    lab.expect("MixMonitorStop", Uniqueid=call.far)
    lab.must("ControlPlayback", Channel=far, Control="forward")
    lab.hang_up(call.near)


@act
def spying(lab: Lab) -> None:
    """One listens to a call."""
    call = lab.call("talk", near="echo")
    spy = lab.call("spy", Variable=f"SPIED={lab.channel(call.far)}")
    lab.expect("ChanSpyStart", SpyeeUniqueid=call.far)
    lab.hang_up(spy.far)
    lab.expect("ChanSpyStop", SpyeeUniqueid=call.far)
    lab.hang_up(call.near)


# --- bridges ----------------------------------------------------------------------------------


@act
def local_optimisation(lab: Lab) -> None:
    """A Local channel between two bridges goes away."""
    mark = lab.mark()
    call = lab.call(
        "tone",
        near="dial",
        Variable=["CALLEE=Local/middle@acts", "FLAGS="],
    )
    begin = lab.expect("LocalOptimizationBegin", since=mark)
    lab.expect("LocalOptimizationEnd", LocalOneUniqueid=begin["LocalOneUniqueid"])
    lab.hang_up(call.near)


@act
def bridge_actions(lab: Lab) -> None:
    """Channels bridged by action, shown, kicked, and the bridge destroyed."""
    one, two = lab.call("wait", near="echo"), lab.call("wait", near="echo")
    for call in (one, two):
        lab.expect("Newexten", Uniqueid=call.far, Application="Wait")
    lab.must("Bridge", Channel1=lab.channel(one.far), Channel2=lab.channel(two.far), Tone="no")
    entered = lab.expect("BridgeEnter", Uniqueid=two.far)
    bridge = entered["BridgeUniqueid"]
    lab.expect("BridgeEnter", Uniqueid=one.far, BridgeUniqueid=bridge)
    lab.show("BridgeInfo", BridgeUniqueid=bridge)
    lab.show("CoreShowChannelMap", Channel=lab.channel(one.far))
    lab.must("LocalOptimizeAway", Channel=lab.channel(one.far))
    lab.must("BridgeKick", BridgeUniqueid=bridge, Channel=lab.channel(one.far))
    lab.expect("BridgeLeave", Uniqueid=one.far)
    third, peer = lab.connected()
    inside = lab.expect("BridgeEnter", Uniqueid=peer)["BridgeUniqueid"]
    lab.must("BridgeDestroy", BridgeUniqueid=inside)
    lab.expect("BridgeDestroy", BridgeUniqueid=inside)
    for technology in ("Suspend", "Unsuspend"):
        lab.must(f"BridgeTechnology{technology}", BridgeTechnology="softmix")
    lab.hang_up(one.near, two.near, third.near)


@act
def blind_transfer(lab: Lab) -> None:
    """A call sent on without asking."""
    call, _ = lab.connected()
    lab.must("BlindTransfer", Channel=lab.channel(call.near), Context="acts", Exten="talk")
    lab.expect("BlindTransfer", TransfererUniqueid=call.near)


@act
def attended_transfer(lab: Lab) -> None:
    """A call sent on after asking."""
    call, peer = lab.connected()
    consult(lab, call, "601")
    lab.hang_up(call.near)
    lab.expect("AttendedTransfer", OrigTransfererUniqueid=call.near)
    lab.hang_up(peer)


def consult(lab: Lab, call: Call, exten: str) -> None:
    """Ask the transfer's target, as an attended transfer begins."""
    mark = lab.mark()
    lab.must("Atxfer", Channel=lab.channel(call.near), Context="acts", Exten=exten)
    lab.expect("Newexten", since=mark, Context="acts", Exten=exten, Application="Goto")
    lab.pause(2.0)


@act
def three_way_transfer(lab: Lab) -> None:
    """A transfer that becomes a call of three: bridges merge."""
    call, peer = lab.connected()
    name = lab.channel(call.near)
    consult(lab, call, "601")
    for digit in "*3":
        lab.must("PlayDTMF", Channel=name, Digit=digit, Receive="true", Duration=100)
        lab.pause(DTMF_GAP)
    lab.expect("BridgeMerge")
    lab.hang_up(call.near, peer)


@act
def cancelled_transfer(lab: Lab) -> None:
    """A transfer begun and cancelled."""
    call, _ = lab.connected()
    consult(lab, call, "602")
    lab.ask("CancelAtxfer", Channel=lab.channel(call.near))
    lab.hang_up(call.near)


@act
def pickup(lab: Lab) -> None:
    """A ringing call taken by another."""
    ringing = lab.call("wait", near="dial", Variable=["CALLEE=Local/ring@acts/n", "FLAGS="])
    begun = lab.expect("DialBegin", Uniqueid=ringing.near)
    lab.expect("Newstate", Uniqueid=begun["DestUniqueid"], ChannelStateDesc="Ringing")
    lab.call("pickchan", Variable=f"PICKED={begun['DestChannel']}")
    lab.expect("Pickup", TargetUniqueid=begun["DestUniqueid"])
    lab.hang_up(ringing.near)


@act
def completion(lab: Lab) -> None:
    """Call completion to a busy phone: offered, requested, delayed, and called back."""
    mark = lab.mark()
    call = lab.call("complete")
    available = lab.expect("CCAvailable", since=mark, Callee="Local/ccallee@acts")
    core = available["CoreID"]
    lab.hang_up(call.near)
    lab.expect("CCOfferTimerStart", CoreID=core)
    asking = lab.call("complete", Variable="STEP=request")
    lab.expect("CCRequested", CoreID=core)
    lab.expect("CCRequestAcknowledged", CoreID=core)
    callee = lab.call("ccallee")
    lab.expect("DeviceStateChange", since=mark, Device="Local/ccallee@acts", State="INUSE")
    lab.hang_up(callee.near)
    lab.expect("CCCallerStartMonitoring", CoreID=core)
    lab.hang_up(asking.near)
    for event in ("CCCallerStopMonitoring", "CCCallerRecalling", "CCRecallComplete"):
        lab.expect(event, CoreID=core)


@act
def completion_given_up(lab: Lab) -> None:
    """Call completion that is cancelled, or that takes too long."""
    mark = lab.mark()
    lab.call("giveup")
    lab.expect("CCMonitorFailed", since=mark)
    lab.call("cancel")
    lab.expect("CCFailure", since=mark)


# --- queues and agents ------------------------------------------------------------------------


@act
def queue_members(lab: Lab) -> None:
    """Members come, pause, change and go."""
    temp = {"Queue": "sales", "Interface": "Local/109@agents/n"}
    lab.must("QueueAdd", **temp, MemberName="Temp", StateInterface="Custom:temp", Penalty=1)
    lab.expect("QueueMemberAdded", MemberName="Temp")
    for paused in ("true", "false"):
        lab.must("QueuePause", **temp, Paused=paused, Reason="lunch: 1h")
    lab.expect("QueueMemberPause", MemberName="Temp")
    lab.must("QueuePenalty", Interface=temp["Interface"], Penalty=4)
    lab.expect("QueueMemberPenalty", MemberName="Temp")
    lab.must("QueueMemberRingInUse", Interface=temp["Interface"], RingInUse=1)
    lab.expect("QueueMemberRinginuse", MemberName="Temp")
    lab.must("QueueLog", Queue="sales", Event="LAB", Message="hello")
    lab.must("QueueRule", Rule="patience")
    lab.must("QueueReset", Queue="empty")
    lab.must("QueueReload", Queue="empty", Members="yes")
    lab.must("QueueRemove", **temp)
    lab.expect("QueueMemberRemoved", MemberName="Temp")


@act
def queue_without_answer(lab: Lab) -> None:
    """A member who does not answer and a caller who gives up."""
    call = lab.call("qunanswered", Variable="PATIENCE=30")
    lab.expect("QueueCallerJoin", Uniqueid=call.far)
    lab.must(
        "QueueChangePriorityCaller", Queue="unanswered", Caller=lab.channel(call.far), Priority=5
    )
    lab.expect("AgentRingNoAnswer", Uniqueid=call.far)
    lab.hang_up(call.near)
    lab.expect("QueueCallerAbandon", Uniqueid=call.far)
    second = lab.call("qempty", Variable="PATIENCE=30")
    lab.expect("QueueCallerJoin", Uniqueid=second.far)
    lab.show("QueueStatus", Queue="empty")
    lab.must(
        "QueueWithdrawCaller", Queue="empty", Caller=lab.channel(second.far), WithdrawInfo="sorry"
    )
    lab.expect("QueueCallerLeave", Uniqueid=second.far)


@act
def queue_dump(lab: Lab) -> None:
    """A member who hangs up while the announcement is played."""
    call = lab.call("dumped")
    lab.expect("AgentDump", Uniqueid=call.far)
    lab.hang_up(call.near)


@act
def queue_answered(lab: Lab) -> None:
    """A call that a member takes and ends."""
    call = lab.call("qsupport", near="echo", Variable="PATIENCE=30")
    for event in ("AgentCalled", "AgentConnect", "AgentComplete"):
        lab.expect(event, Uniqueid=call.far, seconds=40)


@act
def agents(lab: Lab) -> None:
    """An agent of a pool logs in, is called, and is logged off."""
    login = lab.call("agentlogin")
    lab.expect("AgentLogin", Uniqueid=login.far)
    lab.expect("DeviceStateChange", Device="Agent:1001", State="NOT_INUSE")
    request = lab.call("agentrequest", near="echo")
    lab.expect("BridgeEnter", Uniqueid=login.far, BridgeType="basic")
    lab.show("Agents")
    lab.hang_up(request.near)
    lab.must("AgentLogoff", Agent="1001")
    lab.expect("AgentLogoff", Agent="1001")


# --- parking ----------------------------------------------------------------------------------


@act
def parking(lab: Lab) -> None:
    """Calls parked, taken back, given up and timed out."""
    call = lab.call("park")
    parked = lab.expect("ParkedCall", ParkeeUniqueid=call.far)
    back = lab.call("unpark", near="echo", Variable=f"SPACE={parked['ParkingSpace']}")
    lab.expect("UnParkedCall", ParkeeUniqueid=call.far)
    lab.hang_up(back.near)
    given_up = lab.call("park")
    lab.expect("ParkedCall", ParkeeUniqueid=given_up.far)
    lab.hang_up(given_up.far)
    lab.expect("ParkedCallGiveUp", ParkeeUniqueid=given_up.far)
    late = lab.call("parkquick")
    lab.expect("ParkedCallTimeOut", ParkeeUniqueid=late.far)
    third, peer = lab.connected()
    lab.must(
        "Park",
        Channel=lab.channel(third.near),
        AnnounceChannel=lab.channel(peer),
        Timeout=3000,
        Parkinglot="default",
    )
    lab.expect("ParkedCall", ParkeeUniqueid=third.near)


@act
def parking_swap(lab: Lab) -> None:
    """The consulted place of an attended transfer is a parking lot."""
    call, _ = lab.connected("Local/tone@acts/n")
    mark = lab.mark()
    consult(lab, call, "603")
    lab.hang_up(call.near)
    lab.expect("ParkedCallSwap", since=mark)


# --- conferences ------------------------------------------------------------------------------


@act
def conference(lab: Lab) -> None:
    """A conference: joined, recorded, muted, locked, shown, kicked."""
    talker = lab.call("confrec", near="talk")
    listener = lab.call("confrec", near="wait")
    room = {"Conference": "200"}
    lab.expect("ConfbridgeJoin", Uniqueid=talker.far)
    lab.expect("ConfbridgeJoin", Uniqueid=listener.far)
    lab.expect("ConfbridgeTalking", Uniqueid=talker.far)
    lab.must("ConfbridgeStartRecord", **room)
    lab.expect("ConfbridgeRecord", Conference="200")
    lab.must("ConfbridgeSetSingleVideoSrc", **room, Channel=lab.channel(listener.far))
    lab.expect("BridgeVideoSourceUpdate")
    for muted in ("Mute", "Unmute"):
        lab.must(f"Confbridge{muted}", **room, Channel=lab.channel(talker.far))
        lab.expect(f"Confbridge{muted}", Uniqueid=talker.far)
    lab.must("ConfbridgeLock", **room)
    lab.show("ConfbridgeList", **room)
    lab.show("ConfbridgeListRooms")
    lab.must("ConfbridgeUnlock", **room)
    lab.must("ConfbridgeStopRecord", **room)
    lab.expect("ConfbridgeStopRecord", Conference="200")
    lab.must("ConfbridgeKick", **room, Channel=lab.channel(listener.far))
    lab.expect("ConfbridgeLeave", Uniqueid=listener.far)
    lab.must("ConfbridgeKick", **room, Channel="all")
    lab.expect("ConfbridgeEnd", Conference="200")


# --- voicemail --------------------------------------------------------------------------------


@act
def voicemail(lab: Lab) -> None:
    """Messages left, moved, forwarded, removed; a password changed."""
    box = {"Context": "default", "Mailbox": "1234"}
    for _ in range(2):
        mark = lab.mark()
        lab.call("voicemail", near="speak")
        lab.expect("MessageWaiting", since=mark, Mailbox="1234@default")
    lab.must("MailboxCount", Mailbox="1234@default")
    lab.must("MailboxStatus", Mailbox="1234@default")
    lab.must("VoicemailRefresh", **box)
    first, second = (message["ID"] for message in lab.show("VoicemailBoxSummary", **box))
    target = {"ToContext": "default", "ToMailbox": "102", "ToFolder": "INBOX"}
    lab.must("VoicemailForward", **box, Folder="INBOX", ID=first, **target)
    lab.must("VoicemailMove", **box, Folder="INBOX", ID=first, ToFolder="Old")
    lab.must("VoicemailRemove", **box, Folder="INBOX", ID=second)
    main = lab.call("mailmain", near="newpassword")
    lab.expect("VoicemailPasswordChange", Mailbox="1234", seconds=40)
    lab.hang_up(main.near)


@act
def mini_voicemail(lab: Lab) -> None:
    """A message left with the small voicemail."""
    lab.call("minivm", near="speakandpound")
    lab.expect("MiniVoiceMail", seconds=30)


# --- scripts and fax --------------------------------------------------------------------------


@act
def agi(lab: Lab) -> None:
    """A script that runs a call."""
    call = lab.call("agi")
    lab.expect("AGIExecStart", Uniqueid=call.far)
    lab.expect("AGIExecEnd", Uniqueid=call.far)


@act
def async_agi(lab: Lab) -> None:
    """A call that is run by actions."""
    call = lab.call("asyncagi")
    lab.expect("AsyncAGIStart", Uniqueid=call.far)
    channel = lab.channel(call.far)
    lab.must("AGI", Channel=channel, Command='VERBOSE "hallå" 1', CommandID="first")
    lab.expect("AsyncAGIExec", Uniqueid=call.far)
    lab.must("AGI", Channel=channel, Command="ASYNCAGI BREAK", CommandID="last")
    lab.expect("AsyncAGIEnd", Uniqueid=call.far)


@act
def fax(lab: Lab) -> None:
    """A page faxed from one channel to another."""
    call = lab.call("faxreceive", near="faxsend")
    for half in call:
        lab.expect("FAXStatus", Uniqueid=half, Status="FAX Transmission In Progress")
    lab.pause(1.0)  # asked for a session that is just beginning, Asterisk may crash
    for session in lab.show("FAXSessions"):
        lab.must("FAXSession", SessionNumber=session["SessionNumber"])
    lab.must("FAXStats")
    lab.expect("ReceiveFAX", Uniqueid=call.far, seconds=60)
    lab.expect("SendFAX", Uniqueid=call.near, seconds=60)


# --- SIP and IAX ------------------------------------------------------------------------------


@act
def looped_call(lab: Lab) -> None:
    """Asterisk calls itself by SIP: RTP and RTCP both ways."""
    mark = lab.mark()
    lab.call(
        "wait",
        Channel=f"PJSIP/looped/sip:tone@127.0.0.1:{lab.ports.sip}",
        near="echo",
    )
    for event in ("RTCPSent", "RTCPReceived"):
        lab.expect(event, since=mark, seconds=30)
    lab.pause(10.0)


@act
def looped_call_over_ipv6(lab: Lab) -> None:
    """The same on ::1, where there is one: addresses in brackets."""
    if not socket.has_ipv6 or "transport6" not in lab.cli("pjsip show transports"):
        return
    mark = lab.mark()
    channel = f"PJSIP/looped6/sip:tone@[::1]:{lab.ports.sip}"
    call = lab.call("wait", Channel=channel, near="echo")
    lab.expect("RTCPReceived", since=mark, Uniqueid=call.near)
    lab.hang_up(call.near)


@act
def phone_calls(lab: Lab) -> None:
    """A sipp phone calls, holds, flashes and hangs up."""
    mark = lab.mark()
    phone = lab.phone("uac_hold.xml", "-s", "dialtone", "-m", "1")
    caller = lab.expect("Newchannel", since=mark, CallerIDNum="trunk")["Uniqueid"]
    for event in ("Hold", "Unhold", "Flash", "RTCPSent"):
        lab.expect(event, Uniqueid=caller)
    lab.finished(phone, 40)


@act
def phone_is_called(lab: Lab) -> None:
    """A sipp phone rings, answers and echoes."""
    phone = lab.phone("uas.xml", "-m", "1", "-rtp_echo", port=lab.ports.phones)
    call = lab.call("tone", near="dial", Variable=["CALLEE=PJSIP/bob", "FLAGS="])
    lab.expect("DialState", Uniqueid=call.near, DialStatus="RINGING")
    lab.expect("DialEnd", Uniqueid=call.near, DialStatus="ANSWER")
    lab.pause(6.0)
    lab.hang_up(call.near)
    lab.finished(phone)


@act
def registrations(lab: Lab) -> None:
    """Phones that register, with the right and the wrong password, and go."""
    right = ("-s", "alice", "-au", "alice", "-m", "1")
    mark = lab.mark()
    lab.finished(lab.phone("register.xml", *right, "-ap", "wonderland"))
    lab.expect("ChallengeSent", since=mark)
    lab.expect("ContactStatus", since=mark, AOR="alice")
    lab.expect("PeerStatus", since=mark, Peer="PJSIP/alice")
    lab.show("PJSIPShowRegistrationsInbound")
    lab.show("PJSIPShowContacts")
    lab.finished(lab.phone("register.xml", *right, "-ap", "wrong"))
    lab.expect("ChallengeResponseFailed", since=mark)
    lab.finished(lab.phone("register_once.xml", "-s", "norway", "-m", "1"))
    lab.finished(lab.phone("register_once.xml", "-s", "stranger", "-m", "1"))
    lab.must("PJSIPQualify", Endpoint="alice")
    lab.must("PJSIPNotify", Endpoint="looped", Variable="Event=check-sync")
    lab.must("PJSIPUnregister", Registration="nobody-out")
    lab.must("PJSIPRegister", Registration="carol-out")
    lab.must("PJSIPSetMaintenance", Endpoint="norway", State="on")
    lab.show("PJSIPShowMaintenance")
    lab.finished(lab.phone("unregister.xml", *right, "-ap", "wonderland"))
    lab.expect("ContactStatus", since=mark, AOR="alice", ContactStatus="Removed")


@act
def subscription(lab: Lab) -> None:
    """A phone that watches a hint."""
    phone = lab.phone("subscribe.xml", "-s", "hint1", "-m", "1")
    lab.expect("TestEvent", State="SUBSCRIPTION_ESTABLISHED")
    lab.pause(1.0)
    lab.show("PJSIPShowSubscriptionsInbound")
    lab.must("Setvar", Variable="DEVICE_STATE(Custom:lamp)", Value="RINGING")
    lab.pause(2.0)
    phone.terminate()


@act
def iax_call(lab: Lab) -> None:
    """Asterisk registered with itself by IAX, and a call that way."""
    lab.must("ModuleLoad", Module="chan_iax2.so", LoadType="load")
    lab.expect("Registry", ChannelType="IAX2")
    channel = f"IAX2/iaxphone:iaxsecret@127.0.0.1:{lab.ports.iax_far}/tone"
    call = lab.call("wait", Channel=channel)
    lab.expect("PeerStatus", ChannelType="IAX2")
    for action in ("IAXpeers", "IAXpeerlist", "IAXregistry"):
        lab.show(action)
    # It answers with a table and no header, which no ActionID can mark.
    lab.visit("netstats", login(USER, SECRET, Events="off"), {"Action": "IAXnetstats"})
    lab.hang_up(call.near)


@act
def jabber(lab: Lab) -> None:
    """An XMPP server, played here, tells of a buddy who comes and goes."""
    listening = socket.create_server(("127.0.0.1", lab.ports.xmpp))
    listening.settimeout(lab.left(20.0))
    with listening:
        lab.must("ModuleLoad", Module="res_xmpp.so", LoadType="load")
        stream, _ = listening.accept()
    lab.sockets.append(stream)
    stream.settimeout(lab.left(20.0))
    for wanted, answer in ((b"<stream:stream", XMPP_HEAD), (b"handshake>", "<handshake/>")):
        got = b""
        while wanted not in got:
            got += stream.recv(4096) or wanted
        stream.sendall(answer.encode())
    buddy = "<presence from='buddy@lab.example/home' to='asterisk.lab.example'"
    stream.sendall(f"{buddy}><show>away</show><status>Café</status></presence>".encode())
    lab.expect("JabberStatus", Resource="home")
    stream.sendall(f"{buddy} type='unavailable'/>".encode())


# --- the manager, modules, files --------------------------------------------------------------


@act
def security(lab: Lab) -> None:
    """Who may not log in, and what one may not do."""
    mark = lab.mark()
    lab.visit("wrong-password", login(USER, "wrong"))
    lab.expect("InvalidPassword", since=mark)
    lab.visit("unknown-user", login("nobody", "x"))
    lab.expect("InvalidAccountID", since=mark)
    lab.visit("walled-user", login("walled", "walled"))
    lab.expect("FailedACL", since=mark)
    challenge = {"Action": "Challenge", "AuthType": "MD5"}
    lab.visit("wrong-key", challenge, login(USER, "", AuthType="MD5", Key="0"))
    lab.expect("ChallengeResponseFailed", since=mark)
    lab.visit("reader", login("reader", "reader"), {"Action": "CoreStatus"}, {"Action": "Reload"})
    lab.expect("RequestNotAllowed", since=mark)
    once = lab.connect("once")
    once.answer(once.send(**login("once", "once")))
    once.answer(once.send(Action="NoSuchThing"))
    lab.expect("RequestBadFormat", since=mark)
    lab.visit("once-more", login("once", "once"))
    lab.expect("SessionLimit", since=mark)
    once.send(Action="Logoff")
    lab.expect("SuccessfulAuth", since=mark)


@act
def waiting_for_events(lab: Lab) -> None:
    """WaitEvent, on a connection of its own."""
    waits = {"Action": "WaitEvent", "Timeout": "1"}
    said = lab.visit("waiter", login(USER, SECRET, Events="off"), waits)
    if not any(message.name == "WaitEventComplete" for message in said.messages):
        raise NotSeenError("no WaitEventComplete")


@act
def modules(lab: Lab) -> None:
    """Modules unloaded, loaded and reloaded; a test module says every security event."""
    module = "app_morsecode.so"
    lab.must("ModuleCheck", Module="app_queue")
    for how, event in (("unload", "Unload"), ("load", "Load")):
        lab.must("ModuleLoad", Module=module, LoadType=how)
        lab.expect(event, Module=module)
    lab.must("Reload", Module="app_queue.so")
    lab.expect("Reload", Module="app_queue.so")
    if (
        lab.ask("ModuleLoad", Module="test_security_events.so", LoadType="load")["Response"]
        != "Error"
    ):
        lab.cli("securityevents test generation")
        lab.expect("RequestNotSupported")


@act
def configuration(lab: Lab) -> None:
    """Files read and written, the dialplan changed, logs rotated."""
    lab.must("GetConfig", Filename="queues.conf")
    lab.must("GetConfigJSON", Filename="agents.conf")
    lab.must("CreateConfig", Filename="lab_made.conf")
    lab.must(
        "UpdateConfig",
        SrcFilename="lab_made.conf",
        DstFilename="lab_made.conf",
        **{
            "Action-000000": "NewCat",
            "Cat-000000": "new",
        },
    )
    lab.must("ListCategories", Filename="queues.conf")
    lab.must("DialplanExtensionAdd", Context="made", Extension="1", Priority=1, Application="NoOp")
    lab.must("DialplanExtensionRemove", Context="made", Extension="1")
    lab.call("longline")
    lab.expect("LogChannel", Enabled="No")
    lab.must("LoggerRotate")
    lab.expect("LogChannel", Enabled="Yes")
    lab.must("DBPut", Family="lab", Key="k", Val="värde: 1")
    lab.must("DBPut", Family="lab", Key="k2", Val="")
    lab.must("DBDel", Family="lab", Key="k2")
    lab.ask("DBDelTree", Family="nosuch")


@act
def manager(lab: Lab) -> None:
    """What the manager tells of itself; commands with all kinds of output."""
    for action in ("Ping", "CoreStatus", "CoreSettings", "ListCommands", "FAXStats"):
        lab.must(action)
    lab.must("UserEvent", UserEvent="Custom", Header1="v1", Header2="v: 2")
    lab.expect("UserEvent", UserEvent="Custom")
    for action in ("Expire", "Stale", "Populate"):
        lab.ask(f"SorceryMemoryCache{action}", Cache="labauths")
    for command in (
        "core show uptime",
        "core show channels verbose",
        "queue show",
        "pjsip show endpoint alice",
        "dialplan show acts",
        "core show application Dial",
        "no such command",
        "database show",
    ):
        lab.cli(command)


@act
def messages(lab: Lab) -> None:
    """A text message outside of calls, and charges."""
    lab.ask("MessageSend", To="pjsip:looped", From="sip:lab@127.0.0.1", Body="Hallå: you")
    call = lab.call("wait")
    lab.ask(
        "AOCMessage",
        Channel=lab.channel(call.far),
        MsgType="D",
        ChargeType="Currency",
        CurrencyAmount=16,
        CurrencyName="USD",
        CurrencyMultiplier="OneThousandth",
        AOCBillingId="Normal",
        TotalType="SubTotal",
    )
    lab.hang_up(call.near)
