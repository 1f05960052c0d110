"""The cases: each makes Asterisk send some events, and waits until they have come."""

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
CASES: list[Callable[[Lab], None]] = []


def case(function: Callable[[Lab], None]) -> Callable[[Lab], None]:
    """Add a function to the cases of the scenario."""
    CASES.append(function)
    return function


def login(user: str, secret: str, **headers: str) -> dict[str, str]:
    return {"Action": "Login", "Username": user, "Secret": secret, **headers}


# --- channels ---------------------------------------------------------------------------------


@case
def variables_and_handlers(lab: Lab) -> None:
    """Variables, renamed callers, hangup handlers, user events."""
    call = lab.call("vars")
    for event in ("HangupHandlerPush", "HangupHandlerPop", "HangupHandlerRun", "NewAccountCode"):
        lab.expect(event, Uniqueid=call.far)
    lab.expect("UserEvent", UserEvent="CallStart", Uniqueid=call.far)
    lab.expect("Cdr", UniqueID=call.far)


@case
def states(lab: Lab) -> None:
    """Device states, presence states, and the hints that show them."""
    lab.call("states")
    lab.expect("PresenceStateChange", Presentity="CustomPresence:lamp")
    lab.expect("PresenceStatus", Exten="hint1")
    lab.expect("DeviceStateChange", Device="Custom:lamp")
    lab.expect("ExtensionStatus", Exten="hint1")
    lab.must_succeed("ExtensionState", Exten="hint1", Context="lab")
    lab.must_succeed("PresenceState", Provider="CustomPresence:lamp")


@case
def failed_calls(lab: Lab) -> None:
    """Calls that never connect."""
    for channel in ("Local/nosuch@nowhere", "Local/busy@lab", "Local/congestion@lab/n"):
        action_id = lab.send(
            "Originate", Channel=channel, Application="Wait", Data=1, Timeout=3000, Async="true"
        )
        lab.expect("OriginateResponse", ActionID=action_id)


@case
def channel_actions(lab: Lab) -> None:
    """Actions for one channel: digits, text, flash, mute, variables, redirect, timeout, hangup."""
    call = lab.call("wait", near="echo")
    lab.expect("Newstate", Uniqueid=call.far, ChannelStateDesc="Up")
    for digit in "1*#":
        lab.must_succeed("PlayDTMF", Channel=call.near, Digit=digit, Receive="true", Duration=120)
    lab.expect("DTMFBegin", Uniqueid=call.near)
    lab.expect("DTMFEnd", Uniqueid=call.near)
    lab.must_succeed("SendFlash", Channel=call.near, Receive="true")
    lab.expect("Flash", Uniqueid=call.near)
    lab.must_succeed("SendText", Channel=lab.channel_name(call.far), Message="Hallå: text")
    lab.request("PlayMF", Channel=call.near, Digit="5")
    lab.must_succeed("MuteAudio", Channel=lab.channel_name(call.far), Direction="all", State="on")
    lab.must_succeed("Setvar", Channel=call.far, Variable="SEEN", Value="a: b")
    lab.must_succeed("Getvar", Channel=call.far, Variable="SEEN")
    lab.must_succeed("Getvar", Variable="GREETING")
    lab.must_succeed("AbsoluteTimeout", Channel=lab.channel_name(call.far), Timeout=20)
    lab.must_succeed("Redirect", Channel=call.far, Context="lab", Exten="talk", Priority=1)
    lab.expect("Newexten", Uniqueid=call.far, Extension="talk")
    lab.must_succeed("Hangup", Channel=call.far, Cause=16)
    lab.expect("SoftHangupRequest", Uniqueid=call.far)
    lab.expect("HangupRequest", Uniqueid=call.near)
    lab.expect("Hangup", Uniqueid=call.far)


@case
def talk_detection(lab: Lab) -> None:
    """A caller starts to talk and stops again."""
    call = lab.call("detect", near="speak")
    lab.expect("ChannelTalkingStart", Uniqueid=call.far)
    lab.expect("ChannelTalkingStop", Uniqueid=call.far)
    lab.hang_up(call.near)


@case
def music_on_hold(lab: Lab) -> None:
    """A caller hears music on hold."""
    call = lab.call("held")
    lab.expect("MusicOnHoldStart", Uniqueid=call.far)
    lab.expect("MusicOnHoldStop", Uniqueid=call.far)


@case
def winks(lab: Lab) -> None:
    """A wink, which is a signal of old trunks."""
    call = lab.call("wink", near="echo")
    lab.expect("Wink", Uniqueid=call.near)


@case
def recording(lab: Lab) -> None:
    """A call is recorded by action; the recording is muted and stopped."""
    call = lab.call("talk", near="wait")
    far = lab.channel_name(call.far)
    lab.must_succeed("MixMonitor", Channel=far, File="/tmp/lab-mix.wav", options="r(/tmp/r.wav)")
    lab.expect("MixMonitorStart", Uniqueid=call.far)
    for state in (1, 0):
        lab.must_succeed("MixMonitorMute", Channel=far, Direction="both", State=state)
        lab.expect("MixMonitorMute", Uniqueid=call.far, State=str(state))
    lab.must_succeed("StopMixMonitor", Channel=far)
    lab.expect("MixMonitorStop", Uniqueid=call.far)
    lab.must_succeed("ControlPlayback", Channel=far, Control="forward")
    lab.hang_up(call.near)


@case
def spying(lab: Lab) -> None:
    """A third channel listens to a call."""
    call = lab.call("talk", near="echo")
    spy = lab.call("spy", Variable=f"SPIED={lab.channel_name(call.far)}")
    lab.expect("ChanSpyStart", SpyeeUniqueid=call.far)
    lab.hang_up(spy.far)
    lab.expect("ChanSpyStop", SpyeeUniqueid=call.far)
    lab.hang_up(call.near)


# --- bridges ----------------------------------------------------------------------------------


@case
def local_optimisation(lab: Lab) -> None:
    """Asterisk removes a Local channel that stands between two bridges."""
    start = lab.position()
    call = lab.call(
        "tone",
        near="dial",
        Variable=["CALLEE=Local/middle@lab", "FLAGS="],
    )
    begin = lab.expect("LocalOptimizationBegin", since=start)
    lab.expect("LocalOptimizationEnd", LocalOneUniqueid=begin["LocalOneUniqueid"])
    lab.hang_up(call.near)


@case
def bridge_actions(lab: Lab) -> None:
    """Actions bridge channels, show the bridge, remove a channel and destroy the bridge."""
    one, two = lab.call("wait", near="echo"), lab.call("wait", near="echo")
    for call in (one, two):
        lab.expect("Newexten", Uniqueid=call.far, Application="Wait")
    lab.must_succeed(
        "Bridge", Channel1=lab.channel_name(one.far), Channel2=lab.channel_name(two.far), Tone="no"
    )
    entered = lab.expect("BridgeEnter", Uniqueid=two.far)
    bridge = entered["BridgeUniqueid"]
    lab.expect("BridgeEnter", Uniqueid=one.far, BridgeUniqueid=bridge)
    lab.list_members("BridgeInfo", BridgeUniqueid=bridge)
    lab.list_members("CoreShowChannelMap", Channel=lab.channel_name(one.far))
    lab.must_succeed("LocalOptimizeAway", Channel=lab.channel_name(one.far))
    lab.must_succeed("BridgeKick", BridgeUniqueid=bridge, Channel=lab.channel_name(one.far))
    lab.expect("BridgeLeave", Uniqueid=one.far)
    third, peer = lab.bridged_call()
    inside = lab.expect("BridgeEnter", Uniqueid=peer)["BridgeUniqueid"]
    lab.must_succeed("BridgeDestroy", BridgeUniqueid=inside)
    lab.expect("BridgeDestroy", BridgeUniqueid=inside)
    for technology in ("Suspend", "Unsuspend"):
        lab.must_succeed(f"BridgeTechnology{technology}", BridgeTechnology="softmix")
    lab.hang_up(one.near, two.near, third.near)


@case
def blind_transfer(lab: Lab) -> None:
    """A call is transferred without asking the target."""
    call, _ = lab.bridged_call()
    lab.must_succeed(
        "BlindTransfer", Channel=lab.channel_name(call.near), Context="lab", Exten="talk"
    )
    lab.expect("BlindTransfer", TransfererUniqueid=call.near)


@case
def attended_transfer(lab: Lab) -> None:
    """A call is transferred after asking the target."""
    call, peer = lab.bridged_call()
    consult(lab, call, "601")
    lab.hang_up(call.near)
    lab.expect("AttendedTransfer", OrigTransfererUniqueid=call.near)
    lab.hang_up(peer)


def consult(lab: Lab, call: Call, exten: str) -> None:
    """Call the transfer's target, which is how an attended transfer begins."""
    start = lab.position()
    lab.must_succeed("Atxfer", Channel=lab.channel_name(call.near), Context="lab", Exten=exten)
    lab.expect("Newexten", since=start, Context="lab", Exten=exten, Application="Goto")
    lab.pause(2.0)


@case
def three_way_transfer(lab: Lab) -> None:
    """A transfer becomes a call of three people: the bridges merge."""
    call, peer = lab.bridged_call()
    name = lab.channel_name(call.near)
    consult(lab, call, "601")
    for digit in "*3":
        lab.must_succeed("PlayDTMF", Channel=name, Digit=digit, Receive="true", Duration=100)
        lab.pause(DTMF_GAP)
    lab.expect("BridgeMerge")
    lab.hang_up(call.near, peer)


@case
def cancelled_transfer(lab: Lab) -> None:
    """A transfer begins and is cancelled."""
    call, _ = lab.bridged_call()
    consult(lab, call, "602")
    lab.request("CancelAtxfer", Channel=lab.channel_name(call.near))
    lab.hang_up(call.near)


@case
def pickup(lab: Lab) -> None:
    """Another channel picks up a ringing call."""
    ringing = lab.call("wait", near="dial", Variable=["CALLEE=Local/ring@lab/n", "FLAGS="])
    dial = lab.expect("DialBegin", Uniqueid=ringing.near)
    lab.expect("Newstate", Uniqueid=dial["DestUniqueid"], ChannelStateDesc="Ringing")
    lab.call("pickchan", Variable=f"PICKED={dial['DestChannel']}")
    lab.expect("Pickup", TargetUniqueid=dial["DestUniqueid"])
    lab.hang_up(ringing.near)


@case
def completion(lab: Lab) -> None:
    """Call completion to a busy phone: offered, requested, delayed, and called back."""
    start = lab.position()
    call = lab.call("complete")
    available = lab.expect("CCAvailable", since=start, Callee="Local/ccallee@lab")
    core = available["CoreID"]
    lab.hang_up(call.near)
    lab.expect("CCOfferTimerStart", CoreID=core)
    asking = lab.call("complete", Variable="STEP=request")
    lab.expect("CCRequested", CoreID=core)
    lab.expect("CCRequestAcknowledged", CoreID=core)
    callee = lab.call("ccallee")
    lab.expect("DeviceStateChange", since=start, Device="Local/ccallee@lab", State="INUSE")
    lab.hang_up(callee.near)
    lab.expect("CCCallerStartMonitoring", CoreID=core)
    lab.hang_up(asking.near)
    for event in ("CCCallerStopMonitoring", "CCCallerRecalling", "CCRecallComplete"):
        lab.expect(event, CoreID=core)


@case
def completion_given_up(lab: Lab) -> None:
    """Call completion is cancelled, or takes too long."""
    start = lab.position()
    lab.call("giveup")
    lab.expect("CCMonitorFailed", since=start)
    lab.call("cancel")
    lab.expect("CCFailure", since=start)


# --- queues and agents ------------------------------------------------------------------------


@case
def queue_members(lab: Lab) -> None:
    """Queue members are added, paused, changed and removed."""
    temp = {"Queue": "sales", "Interface": "Local/109@agents/n"}
    lab.must_succeed("QueueAdd", **temp, MemberName="Temp", StateInterface="Custom:temp", Penalty=1)
    lab.expect("QueueMemberAdded", MemberName="Temp")
    for paused in ("true", "false"):
        lab.must_succeed("QueuePause", **temp, Paused=paused, Reason="lunch: 1h")
    lab.expect("QueueMemberPause", MemberName="Temp")
    lab.must_succeed("QueuePenalty", Interface=temp["Interface"], Penalty=4)
    lab.expect("QueueMemberPenalty", MemberName="Temp")
    lab.must_succeed("QueueMemberRingInUse", Interface=temp["Interface"], RingInUse=1)
    lab.expect("QueueMemberRinginuse", MemberName="Temp")
    lab.must_succeed("QueueLog", Queue="sales", Event="LAB", Message="hello")
    lab.must_succeed("QueueRule", Rule="patience")
    lab.must_succeed("QueueReset", Queue="empty")
    lab.must_succeed("QueueReload", Queue="empty", Members="yes")
    lab.must_succeed("QueueRemove", **temp)
    lab.expect("QueueMemberRemoved", MemberName="Temp")


@case
def queue_without_answer(lab: Lab) -> None:
    """A queue member does not answer, and a caller gives up."""
    call = lab.call("qunanswered", Variable="PATIENCE=30")
    lab.expect("QueueCallerJoin", Uniqueid=call.far)
    lab.must_succeed(
        "QueueChangePriorityCaller",
        Queue="unanswered",
        Caller=lab.channel_name(call.far),
        Priority=5,
    )
    lab.expect("AgentRingNoAnswer", Uniqueid=call.far)
    lab.hang_up(call.near)
    lab.expect("QueueCallerAbandon", Uniqueid=call.far)
    second = lab.call("qempty", Variable="PATIENCE=30")
    lab.expect("QueueCallerJoin", Uniqueid=second.far)
    lab.list_members("QueueStatus", Queue="empty")
    lab.must_succeed(
        "QueueWithdrawCaller",
        Queue="empty",
        Caller=lab.channel_name(second.far),
        WithdrawInfo="sorry",
    )
    lab.expect("QueueCallerLeave", Uniqueid=second.far)


@case
def queue_dump(lab: Lab) -> None:
    """A queue member hangs up during the announcement."""
    call = lab.call("dumped")
    lab.expect("AgentDump", Uniqueid=call.far)
    lab.hang_up(call.near)


@case
def queue_answered(lab: Lab) -> None:
    """A queue member takes a call and ends it."""
    call = lab.call("qsupport", near="echo", Variable="PATIENCE=30")
    for event in ("AgentCalled", "AgentConnect", "AgentComplete"):
        lab.expect(event, Uniqueid=call.far, seconds=40)


@case
def agents(lab: Lab) -> None:
    """An agent of a pool logs in, gets a call, and is logged off."""
    login = lab.call("agentlogin")
    lab.expect("AgentLogin", Uniqueid=login.far)
    lab.expect("DeviceStateChange", Device="Agent:1001", State="NOT_INUSE")
    request = lab.call("agentrequest", near="echo")
    lab.expect("BridgeEnter", Uniqueid=login.far, BridgeType="basic")
    lab.list_members("Agents")
    lab.hang_up(request.near)
    lab.must_succeed("AgentLogoff", Agent="1001")
    lab.expect("AgentLogoff", Agent="1001")


# --- parking ----------------------------------------------------------------------------------


@case
def parking(lab: Lab) -> None:
    """Calls are parked, taken back, hung up while parked, and timed out."""
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
    third, peer = lab.bridged_call()
    lab.must_succeed(
        "Park",
        Channel=lab.channel_name(third.near),
        AnnounceChannel=lab.channel_name(peer),
        Timeout=3000,
        Parkinglot="default",
    )
    lab.expect("ParkedCall", ParkeeUniqueid=third.near)


@case
def parking_swap(lab: Lab) -> None:
    """The target of an attended transfer is a parking lot."""
    call, _ = lab.bridged_call("Local/tone@lab/n")
    start = lab.position()
    consult(lab, call, "603")
    lab.hang_up(call.near)
    lab.expect("ParkedCallSwap", since=start)


# --- conferences ------------------------------------------------------------------------------


@case
def conference(lab: Lab) -> None:
    """A conference: join, record, mute, lock, list, kick."""
    talker = lab.call("confrec", near="talk")
    listener = lab.call("confrec", near="wait")
    room = {"Conference": "200"}
    lab.expect("ConfbridgeJoin", Uniqueid=talker.far)
    lab.expect("ConfbridgeJoin", Uniqueid=listener.far)
    lab.expect("ConfbridgeTalking", Uniqueid=talker.far)
    lab.must_succeed("ConfbridgeStartRecord", **room)
    lab.expect("ConfbridgeRecord", Conference="200")
    lab.must_succeed("ConfbridgeSetSingleVideoSrc", **room, Channel=lab.channel_name(listener.far))
    lab.expect("BridgeVideoSourceUpdate")
    for muted in ("Mute", "Unmute"):
        lab.must_succeed(f"Confbridge{muted}", **room, Channel=lab.channel_name(talker.far))
        lab.expect(f"Confbridge{muted}", Uniqueid=talker.far)
    lab.must_succeed("ConfbridgeLock", **room)
    lab.list_members("ConfbridgeList", **room)
    lab.list_members("ConfbridgeListRooms")
    lab.must_succeed("ConfbridgeUnlock", **room)
    lab.must_succeed("ConfbridgeStopRecord", **room)
    lab.expect("ConfbridgeStopRecord", Conference="200")
    lab.must_succeed("ConfbridgeKick", **room, Channel=lab.channel_name(listener.far))
    lab.expect("ConfbridgeLeave", Uniqueid=listener.far)
    lab.must_succeed("ConfbridgeKick", **room, Channel="all")
    lab.expect("ConfbridgeEnd", Conference="200")


# --- voicemail --------------------------------------------------------------------------------


@case
def voicemail(lab: Lab) -> None:
    """Messages are left, moved, forwarded and removed; a password is changed."""
    box = {"Context": "default", "Mailbox": "1234"}
    for _ in range(2):
        start = lab.position()
        lab.call("voicemail", near="speak")
        lab.expect("MessageWaiting", since=start, Mailbox="1234@default")
    lab.must_succeed("MailboxCount", Mailbox="1234@default")
    lab.must_succeed("MailboxStatus", Mailbox="1234@default")
    lab.must_succeed("VoicemailRefresh", **box)
    first, second = (message["ID"] for message in lab.list_members("VoicemailBoxSummary", **box))
    target = {"ToContext": "default", "ToMailbox": "102", "ToFolder": "INBOX"}
    lab.must_succeed("VoicemailForward", **box, Folder="INBOX", ID=first, **target)
    lab.must_succeed("VoicemailMove", **box, Folder="INBOX", ID=first, ToFolder="Old")
    lab.must_succeed("VoicemailRemove", **box, Folder="INBOX", ID=second)
    main = lab.call("mailmain", near="newpassword")
    lab.expect("VoicemailPasswordChange", Mailbox="1234", seconds=40)
    lab.hang_up(main.near)


@case
def mini_voicemail(lab: Lab) -> None:
    """A caller leaves a message in MiniVM, the small voicemail."""
    lab.call("minivm", near="speakandpound")
    lab.expect("MiniVoiceMail", seconds=30)


# --- scripts and fax --------------------------------------------------------------------------


@case
def agi(lab: Lab) -> None:
    """An AGI script controls a call."""
    call = lab.call("agi")
    lab.expect("AGIExecStart", Uniqueid=call.far)
    lab.expect("AGIExecEnd", Uniqueid=call.far)


@case
def async_agi(lab: Lab) -> None:
    """AMI actions control a call."""
    call = lab.call("asyncagi")
    lab.expect("AsyncAGIStart", Uniqueid=call.far)
    channel = lab.channel_name(call.far)
    lab.must_succeed("AGI", Channel=channel, Command='VERBOSE "hallå" 1', CommandID="first")
    lab.expect("AsyncAGIExec", Uniqueid=call.far)
    lab.must_succeed("AGI", Channel=channel, Command="ASYNCAGI BREAK", CommandID="last")
    lab.expect("AsyncAGIEnd", Uniqueid=call.far)


@case
def fax(lab: Lab) -> None:
    """One channel faxes a page to another."""
    call = lab.call("faxreceive", near="faxsend")
    for half in call:
        lab.expect("FAXStatus", Uniqueid=half, Status="FAX Transmission In Progress")
    lab.pause(1.0)  # Asterisk may crash when FAXSession asks for a session that has just begun
    for session in lab.list_members("FAXSessions"):
        lab.must_succeed("FAXSession", SessionNumber=session["SessionNumber"])
    lab.must_succeed("FAXStats")
    lab.expect("ReceiveFAX", Uniqueid=call.far, seconds=60)
    lab.expect("SendFAX", Uniqueid=call.near, seconds=60)


# --- SIP and IAX ------------------------------------------------------------------------------


@case
def looped_call(lab: Lab) -> None:
    """Asterisk calls itself by SIP: RTP and RTCP flow in both directions."""
    start = lab.position()
    lab.call(
        "wait",
        Channel=f"PJSIP/looped/sip:tone@127.0.0.1:{lab.ports.sip}",
        near="echo",
    )
    for event in ("RTCPSent", "RTCPReceived"):
        lab.expect(event, since=start, seconds=30)
    lab.pause(10.0)


@case
def looped_call_over_ipv6(lab: Lab) -> None:
    """The same on ::1, if the machine has IPv6: addresses are in brackets."""
    if not socket.has_ipv6 or "transport6" not in lab.cli("pjsip show transports"):
        return
    start = lab.position()
    channel = f"PJSIP/looped6/sip:tone@[::1]:{lab.ports.sip}"
    call = lab.call("wait", Channel=channel, near="echo")
    lab.expect("RTCPReceived", since=start, Uniqueid=call.near)
    lab.hang_up(call.near)


@case
def phone_calls(lab: Lab) -> None:
    """A sipp phone calls, holds, flashes and hangs up."""
    start = lab.position()
    phone = lab.start_phone("uac_hold.xml", "-s", "dialtone", "-m", "1")
    caller = lab.expect("Newchannel", since=start, CallerIDNum="trunk")["Uniqueid"]
    for event in ("Hold", "Unhold", "Flash", "RTCPSent"):
        lab.expect(event, Uniqueid=caller)
    lab.wait_finished(phone, 40)


@case
def phone_is_called(lab: Lab) -> None:
    """A sipp phone rings, answers and echoes."""
    phone = lab.start_phone("uas.xml", "-m", "1", "-rtp_echo", port=lab.ports.phones)
    call = lab.call("tone", near="dial", Variable=["CALLEE=PJSIP/bob", "FLAGS="])
    lab.expect("DialState", Uniqueid=call.near, DialStatus="RINGING")
    lab.expect("DialEnd", Uniqueid=call.near, DialStatus="ANSWER")
    lab.pause(6.0)
    lab.hang_up(call.near)
    lab.wait_finished(phone)


@case
def registrations(lab: Lab) -> None:
    """Phones register, with the right and the wrong password, and unregister."""
    right = ("-s", "alice", "-au", "alice", "-m", "1")
    start = lab.position()
    lab.wait_finished(lab.start_phone("register.xml", *right, "-ap", "wonderland"))
    lab.expect("ChallengeSent", since=start)
    lab.expect("ContactStatus", since=start, AOR="alice")
    lab.expect("PeerStatus", since=start, Peer="PJSIP/alice")
    lab.list_members("PJSIPShowRegistrationsInbound")
    lab.list_members("PJSIPShowContacts")
    lab.wait_finished(lab.start_phone("register.xml", *right, "-ap", "wrong"))
    lab.expect("ChallengeResponseFailed", since=start)
    lab.wait_finished(lab.start_phone("register_once.xml", "-s", "norway", "-m", "1"))
    lab.wait_finished(lab.start_phone("register_once.xml", "-s", "stranger", "-m", "1"))
    lab.must_succeed("PJSIPQualify", Endpoint="alice")
    lab.must_succeed("PJSIPNotify", Endpoint="looped", Variable="Event=check-sync")
    lab.must_succeed("PJSIPUnregister", Registration="nobody-out")
    lab.must_succeed("PJSIPRegister", Registration="carol-out")
    lab.must_succeed("PJSIPSetMaintenance", Endpoint="norway", State="on")
    lab.list_members("PJSIPShowMaintenance")
    lab.wait_finished(lab.start_phone("unregister.xml", *right, "-ap", "wonderland"))
    lab.expect("ContactStatus", since=start, AOR="alice", ContactStatus="Removed")


@case
def subscription(lab: Lab) -> None:
    """A phone subscribes to a hint."""
    phone = lab.start_phone("subscribe.xml", "-s", "hint1", "-m", "1")
    lab.expect("TestEvent", State="SUBSCRIPTION_ESTABLISHED")
    lab.pause(1.0)
    lab.list_members("PJSIPShowSubscriptionsInbound")
    lab.must_succeed("Setvar", Variable="DEVICE_STATE(Custom:lamp)", Value="RINGING")
    lab.pause(2.0)
    phone.terminate()


@case
def iax_call(lab: Lab) -> None:
    """Asterisk registers with itself by IAX and calls itself by IAX."""
    lab.must_succeed("ModuleLoad", Module="chan_iax2.so", LoadType="load")
    lab.expect("Registry", ChannelType="IAX2")
    channel = f"IAX2/iaxphone:iaxsecret@127.0.0.1:{lab.ports.iax_far}/tone"
    call = lab.call("wait", Channel=channel)
    lab.expect("PeerStatus", ChannelType="IAX2")
    for action in ("IAXpeers", "IAXpeerlist", "IAXregistry"):
        lab.list_members(action)
    # The answer to IAXnetstats is a table without headers, so it carries no ActionID.
    lab.short_session("netstats", login(USER, SECRET, Events="off"), {"Action": "IAXnetstats"})
    lab.hang_up(call.near)


@case
def jabber(lab: Lab) -> None:
    """This function plays an XMPP server that reports a buddy as present and as absent."""
    listening = socket.create_server(("127.0.0.1", lab.ports.xmpp))
    listening.settimeout(lab.remaining(20.0))
    with listening:
        lab.must_succeed("ModuleLoad", Module="res_xmpp.so", LoadType="load")
        stream, _ = listening.accept()
    lab.sockets.append(stream)
    stream.settimeout(lab.remaining(20.0))
    for wanted, answer in ((b"<stream:stream", XMPP_HEAD), (b"handshake>", "<handshake/>")):
        received = b""
        while wanted not in received:
            received += stream.recv(4096) or wanted
        stream.sendall(answer.encode())
    buddy = "<presence from='buddy@lab.example/home' to='asterisk.lab.example'"
    stream.sendall(f"{buddy}><show>away</show><status>Café</status></presence>".encode())
    lab.expect("JabberStatus", Resource="home")
    stream.sendall(f"{buddy} type='unavailable'/>".encode())


# --- the manager, modules, files --------------------------------------------------------------


@case
def security(lab: Lab) -> None:
    """Logins that are refused, and actions that a user has no right to."""
    start = lab.position()
    lab.short_session("wrong-password", login(USER, "wrong"))
    lab.expect("InvalidPassword", since=start)
    lab.short_session("unknown-user", login("nobody", "x"))
    lab.expect("InvalidAccountID", since=start)
    lab.short_session("walled-user", login("walled", "walled"))
    lab.expect("FailedACL", since=start)
    challenge = {"Action": "Challenge", "AuthType": "MD5"}
    lab.short_session("wrong-key", challenge, login(USER, "", AuthType="MD5", Key="0"))
    lab.expect("ChallengeResponseFailed", since=start)
    lab.short_session(
        "reader", login("reader", "reader"), {"Action": "CoreStatus"}, {"Action": "Reload"}
    )
    lab.expect("RequestNotAllowed", since=start)
    once = lab.connect("once")
    once.answer(once.send(**login("once", "once")))
    once.answer(once.send(Action="NoSuchThing"))
    lab.expect("RequestBadFormat", since=start)
    lab.short_session("once-more", login("once", "once"))
    lab.expect("SessionLimit", since=start)
    once.send(Action="Logoff")
    lab.expect("SuccessfulAuth", since=start)


@case
def waiting_for_events(lab: Lab) -> None:
    """WaitEvent, on its own connection."""
    wait_event = {"Action": "WaitEvent", "Timeout": "1"}
    session = lab.short_session("waiter", login(USER, SECRET, Events="off"), wait_event)
    if not any(message.name == "WaitEventComplete" for message in session.messages):
        raise NotSeenError("no WaitEventComplete")


@case
def modules(lab: Lab) -> None:
    """Modules are unloaded, loaded and reloaded; a test module sends every security event."""
    module = "app_morsecode.so"
    lab.must_succeed("ModuleCheck", Module="app_queue")
    for load_type, event in (("unload", "Unload"), ("load", "Load")):
        lab.must_succeed("ModuleLoad", Module=module, LoadType=load_type)
        lab.expect(event, Module=module)
    lab.must_succeed("Reload", Module="app_queue.so")
    lab.expect("Reload", Module="app_queue.so")
    if (
        lab.request("ModuleLoad", Module="test_security_events.so", LoadType="load")["Response"]
        != "Error"
    ):
        lab.cli("securityevents test generation")
        lab.expect("RequestNotSupported")


@case
def configuration(lab: Lab) -> None:
    """Files are read and written, the dialplan is changed, logs are rotated."""
    lab.must_succeed("GetConfig", Filename="queues.conf")
    lab.must_succeed("GetConfigJSON", Filename="agents.conf")
    lab.must_succeed("CreateConfig", Filename="lab_made.conf")
    lab.must_succeed(
        "UpdateConfig",
        SrcFilename="lab_made.conf",
        DstFilename="lab_made.conf",
        **{
            "Action-000000": "NewCat",
            "Cat-000000": "new",
        },
    )
    lab.must_succeed("ListCategories", Filename="queues.conf")
    lab.must_succeed(
        "DialplanExtensionAdd", Context="made", Extension="1", Priority=1, Application="NoOp"
    )
    lab.must_succeed("DialplanExtensionRemove", Context="made", Extension="1")
    lab.call("longline")
    lab.expect("LogChannel", Enabled="No")
    lab.must_succeed("LoggerRotate")
    lab.expect("LogChannel", Enabled="Yes")
    lab.must_succeed("DBPut", Family="lab", Key="k", Val="värde: 1")
    lab.must_succeed("DBPut", Family="lab", Key="k2", Val="")
    lab.must_succeed("DBDel", Family="lab", Key="k2")
    lab.request("DBDelTree", Family="nosuch")


@case
def manager(lab: Lab) -> None:
    """Actions about the manager itself, and commands with all kinds of output."""
    for action in ("Ping", "CoreStatus", "CoreSettings", "ListCommands", "FAXStats"):
        lab.must_succeed(action)
    lab.must_succeed("UserEvent", UserEvent="Custom", Header1="v1", Header2="v: 2")
    lab.expect("UserEvent", UserEvent="Custom")
    for action in ("Expire", "Stale", "Populate"):
        lab.request(f"SorceryMemoryCache{action}", Cache="labauths")
    for command in (
        "core show uptime",
        "core show channels verbose",
        "queue show",
        "pjsip show endpoint alice",
        "dialplan show lab",
        "core show application Dial",
        "no such command",
        "database show",
    ):
        lab.cli(command)


@case
def messages(lab: Lab) -> None:
    """A text message outside of a call, and an advice of charge."""
    lab.request("MessageSend", To="pjsip:looped", From="sip:lab@127.0.0.1", Body="Hallå: you")
    call = lab.call("wait")
    lab.request(
        "AOCMessage",
        Channel=lab.channel_name(call.far),
        MsgType="D",
        ChargeType="Currency",
        CurrencyAmount=16,
        CurrencyName="USD",
        CurrencyMultiplier="OneThousandth",
        AOCBillingId="Normal",
        TotalType="SubTotal",
    )
    lab.hang_up(call.near)
