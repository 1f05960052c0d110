"""PJSIP: endpoints with their objects, registrations and subscriptions."""

from __future__ import annotations

from amistream.aggregates import Aggregate, register_list
from amistream.events._lists import ListEnd
from amistream.headers import Bool, Float, Int, Text
from amistream.messages import Event

__all__ = [
    "AorDetail",
    "AorList",
    "AorListComplete",
    "AuthDetail",
    "AuthList",
    "AuthListComplete",
    "ContactList",
    "ContactListComplete",
    "ContactStatus",
    "ContactStatusDetail",
    "ContactStatusDetailComplete",
    "EndpointDetail",
    "EndpointDetailComplete",
    "EndpointList",
    "EndpointListComplete",
    "IdentifyDetail",
    "InboundRegistrationDetail",
    "InboundRegistrationDetailComplete",
    "InboundSubscriptionDetail",
    "InboundSubscriptionDetailComplete",
    "OutboundRegistrationDetail",
    "OutboundRegistrationDetailComplete",
    "OutboundSubscriptionDetail",
    "OutboundSubscriptionDetailComplete",
    "PJSIPMaintenanceStatus",
    "PJSIPMaintenanceStatusComplete",
    "PJSIPShowAors_Aggregate",
    "PJSIPShowAuths_Aggregate",
    "PJSIPShowContacts_Aggregate",
    "PJSIPShowEndpoint_Aggregate",
    "PJSIPShowEndpoints_Aggregate",
    "PJSIPShowMaintenance_Aggregate",
    "PJSIPShowRegistrationInboundContactStatuses_Aggregate",
    "PJSIPShowRegistrationsInbound_Aggregate",
    "PJSIPShowRegistrationsOutbound_Aggregate",
    "PJSIPShowResourceLists_Aggregate",
    "PJSIPShowSubscriptionsInbound_Aggregate",
    "PJSIPShowSubscriptionsOutbound_Aggregate",
    "ResourceListDetail",
    "ResourceListDetailComplete",
    "TransportDetail",
]


class _Object(Event):
    """An object of PJSIP's configuration."""

    __slots__ = ()

    object_type = Text("ObjectType")
    object_name = Text("ObjectName")


class _Aor(_Object):
    """The settings of an address of record."""

    __slots__ = ()

    minimum_expiration = Int("MinimumExpiration")
    maximum_expiration = Int("MaximumExpiration")
    default_expiration = Int("DefaultExpiration")
    qualify_frequency = Int("QualifyFrequency")
    authenticate_qualify = Bool("AuthenticateQualify")
    max_contacts = Int("MaxContacts")
    remove_existing = Bool("RemoveExisting")
    remove_unavailable = Bool("RemoveUnavailable")
    mailboxes = Text("Mailboxes")
    outbound_proxy = Text("OutboundProxy")
    support_path = Bool("SupportPath")
    qualify_2xx_only = Bool("Qualify2xxOnly")
    qualify_timeout = Float("QualifyTimeout")
    voicemail_extension = Text("VoicemailExtension")
    contacts = Text("Contacts")


class _Auth(_Object):
    """The settings of an authentication."""

    __slots__ = ()

    username = Text("Username")
    md5_cred = Text("Md5Cred")
    realm = Text("Realm")
    auth_type = Text("AuthType")
    password = Text("Password")
    nonce_lifetime = Int("NonceLifetime")
    oauth_client_id = Text("OauthClientid")
    oauth_secret = Text("OauthSecret")
    password_digest = Text("PasswordDigest")
    refresh_token = Text("RefreshToken")
    supported_algorithms_uac = Text("SupportedAlgorithmsUac")
    supported_algorithms_uas = Text("SupportedAlgorithmsUas")


class _Subscription(Event):
    """A subscription to states or mailboxes."""

    __slots__ = ()

    role = Text("Role")
    endpoint = Text("Endpoint")
    call_id = Text("Callid")
    state = Text("State")
    caller_id = Text("Callerid")
    subscription_type = Text("SubscriptionType")
    extension = Text("Extension")
    extension_states = Text("ExtensionStates")
    mailboxes = Text("Mailboxes")


class ContactStatus(Event):
    """A contact was added or removed, or became reachable or unreachable."""

    __slots__ = ()

    uri = Text("URI")
    contact_status = Text("ContactStatus")
    aor = Text("AOR")
    endpoint_name = Text("EndpointName")
    roundtrip_usec = Text("RoundtripUsec")


class EndpointList(_Object):
    """An endpoint of a PJSIPShowEndpoints list."""

    __slots__ = ()

    transport = Text("Transport")
    aor = Text("Aor")
    auths = Text("Auths")
    outbound_auths = Text("OutboundAuths")
    device_state = Text("DeviceState")
    active_channels = Text("ActiveChannels")
    contacts = Text("Contacts")


class EndpointListComplete(ListEnd):
    """The end of a PJSIPShowEndpoints list."""

    __slots__ = ()


class EndpointDetail(_Object):
    """The endpoint that PJSIPShowEndpoint asked for, with all its settings."""

    __slots__ = ()

    context = Text("Context")
    allow = Text("Allow")
    dtmf_mode = Text("DtmfMode")
    rtp_ipv6 = Bool("RtpIpv6")
    rtp_symmetric = Bool("RtpSymmetric")
    ice_support = Bool("IceSupport")
    use_ptime = Bool("UsePtime")
    force_rport = Bool("ForceRport")
    rewrite_contact = Bool("RewriteContact")
    transport = Text("Transport")
    outbound_proxy = Text("OutboundProxy")
    moh_suggest = Text("MohSuggest")
    rel_100 = Text("100rel")
    timers = Text("Timers")
    timers_min_se = Int("TimersMinSe")
    timers_sess_expires = Int("TimersSessExpires")
    auth = Text("Auth")
    outbound_auth = Text("OutboundAuth")
    aors = Text("Aors")
    media_address = Text("MediaAddress")
    identify_by = Text("IdentifyBy")
    direct_media = Bool("DirectMedia")
    direct_media_method = Text("DirectMediaMethod")
    trust_connected_line = Bool("TrustConnectedLine")
    send_connected_line = Bool("SendConnectedLine")
    connected_line_method = Text("ConnectedLineMethod")
    direct_media_glare_mitigation = Text("DirectMediaGlareMitigation")
    disable_direct_media_on_nat = Bool("DisableDirectMediaOnNat")
    caller_id = Text("Callerid")
    caller_id_privacy = Text("CalleridPrivacy")
    caller_id_tag = Text("CalleridTag")
    trust_id_inbound = Bool("TrustIdInbound")
    trust_id_outbound = Bool("TrustIdOutbound")
    send_pai = Bool("SendPai")
    send_rpid = Bool("SendRpid")
    send_diversion = Bool("SendDiversion")
    mailboxes = Text("Mailboxes")
    aggregate_mwi = Bool("AggregateMwi")
    media_encryption = Text("MediaEncryption")
    media_encryption_optimistic = Bool("MediaEncryptionOptimistic")
    use_avpf = Bool("UseAvpf")
    force_avp = Bool("ForceAvp")
    media_use_received_transport = Bool("MediaUseReceivedTransport")
    one_touch_recording = Bool("OneTouchRecording")
    inband_progress = Bool("InbandProgress")
    call_group = Text("CallGroup")
    pickup_group = Text("PickupGroup")
    named_call_group = Text("NamedCallGroup")
    named_pickup_group = Text("NamedPickupGroup")
    device_state_busy_at = Int("DeviceStateBusyAt")
    t38_udptl = Bool("T38Udptl")
    t38_udptl_ec = Text("T38UdptlEc")
    t38_udptl_maxdatagram = Int("T38UdptlMaxdatagram")
    fax_detect = Bool("FaxDetect")
    t38_udptl_nat = Bool("T38UdptlNat")
    t38_udptl_ipv6 = Bool("T38UdptlIpv6")
    t38_bind_udptl_to_media_address = Bool("T38BindUdptlToMediaAddress")
    tone_zone = Text("ToneZone")
    language = Text("Language")
    record_on_feature = Text("RecordOnFeature")
    record_off_feature = Text("RecordOffFeature")
    allow_transfer = Bool("AllowTransfer")
    user_eq_phone = Bool("UserEqPhone")
    moh_passthrough = Bool("MohPassthrough")
    sdp_owner = Text("SdpOwner")
    sdp_session = Text("SdpSession")
    tos_audio = Text("TosAudio")
    tos_video = Text("TosVideo")
    cos_audio = Int("CosAudio")
    cos_video = Int("CosVideo")
    allow_subscribe = Bool("AllowSubscribe")
    sub_min_expiry = Int("SubMinExpiry")
    from_user = Text("FromUser")
    from_domain = Text("FromDomain")
    mwi_from_user = Text("MwiFromUser")
    rtp_engine = Text("RtpEngine")
    dtls_verify = Text("DtlsVerify")
    dtls_rekey = Text("DtlsRekey")
    dtls_cert_file = Text("DtlsCertFile")
    dtls_private_key = Text("DtlsPrivateKey")
    dtls_cipher = Text("DtlsCipher")
    dtls_ca_file = Text("DtlsCaFile")
    dtls_ca_path = Text("DtlsCaPath")
    dtls_setup = Text("DtlsSetup")
    srtp_tag_32 = Bool("SrtpTag32")
    redirect_method = Text("RedirectMethod")
    follow_redirect_methods = Text("FollowRedirectMethods")
    set_var = Text("SetVar")
    message_context = Text("MessageContext")
    account_code = Text("Accountcode")
    preferred_codec_only = Bool("PreferredCodecOnly")
    device_state = Text("DeviceState")
    active_channels = Text("ActiveChannels")
    subscribe_context = Text("SubscribeContext")
    allow_overlap = Bool("AllowOverlap")
    overlap_context = Text("OverlapContext")
    accept_multiple_sdp_answers = Bool("AcceptMultipleSdpAnswers")
    acl = Text("Acl")
    allow_unauthenticated_options = Bool("AllowUnauthenticatedOptions")
    asymmetric_rtp_codec = Bool("AsymmetricRtpCodec")
    bind_rtp_to_media_address = Bool("BindRtpToMediaAddress")
    bundle = Bool("Bundle")
    codec_prefs_incoming_answer = Text("CodecPrefsIncomingAnswer")
    codec_prefs_incoming_offer = Text("CodecPrefsIncomingOffer")
    codec_prefs_outgoing_answer = Text("CodecPrefsOutgoingAnswer")
    codec_prefs_outgoing_offer = Text("CodecPrefsOutgoingOffer")
    contact_acl = Text("ContactAcl")
    dtls_auto_generate_cert = Text("DtlsAutoGenerateCert")
    dtls_fingerprint = Text("DtlsFingerprint")
    fax_detect_timeout = Int("FaxDetectTimeout")
    follow_early_media_fork = Bool("FollowEarlyMediaFork")
    g726_non_standard = Bool("G726NonStandard")
    geoloc_incoming_call_profile = Text("GeolocIncomingCallProfile")
    geoloc_outgoing_call_profile = Text("GeolocOutgoingCallProfile")
    ignore_183_without_sdp = Bool("Ignore183WithoutSdp")
    incoming_call_offer_pref = Text("IncomingCallOfferPref")
    incoming_mwi_mailbox = Text("IncomingMwiMailbox")
    max_audio_streams = Int("MaxAudioStreams")
    max_video_streams = Int("MaxVideoStreams")
    mwi_subscribe_replaces_unsolicited = Bool("MwiSubscribeReplacesUnsolicited")
    notify_early_inuse_ringing = Bool("NotifyEarlyInuseRinging")
    outgoing_call_offer_pref = Text("OutgoingCallOfferPref")
    refer_blind_progress = Bool("ReferBlindProgress")
    rpid_immediate = Bool("RpidImmediate")
    rtcp_mux = Bool("RtcpMux")
    rtp_keepalive = Int("RtpKeepalive")
    rtp_timeout = Int("RtpTimeout")
    rtp_timeout_hold = Int("RtpTimeoutHold")
    rtp_port_start = Int("RtpPortStart")
    rtp_port_end = Int("RtpPortEnd")
    security_negotiation = Text("SecurityNegotiation")
    send_aoc = Bool("SendAoc")
    send_history_info = Bool("SendHistoryInfo")
    stir_shaken = Text("StirShaken")
    stir_shaken_profile = Text("StirShakenProfile")
    suppress_moh_on_sendonly = Bool("SuppressMohOnSendonly")
    suppress_q850_reason_headers = Bool("SuppressQ850ReasonHeaders")
    tenantid = Text("Tenantid")
    voicemail_extension = Text("VoicemailExtension")
    webrtc = Bool("Webrtc")


class EndpointDetailComplete(ListEnd):
    """The end of a PJSIPShowEndpoint list."""

    __slots__ = ()


class AorList(_Aor):
    """An address of record of a PJSIPShowAors list."""

    __slots__ = ()


class AorListComplete(ListEnd):
    """The end of a PJSIPShowAors list."""

    __slots__ = ()


class AorDetail(_Aor):
    """An address of record of a PJSIPShowEndpoint list."""

    __slots__ = ()

    total_contacts = Int("TotalContacts")
    contacts_registered = Int("ContactsRegistered")
    endpoint_name = Text("EndpointName")


class AuthList(_Auth):
    """An authentication of a PJSIPShowAuths list."""

    __slots__ = ()


class AuthListComplete(ListEnd):
    """The end of a PJSIPShowAuths list."""

    __slots__ = ()


class AuthDetail(_Auth):
    """An authentication of a PJSIPShowEndpoint or PJSIPShowRegistrationsOutbound list."""

    __slots__ = ()

    endpoint_name = Text("EndpointName")


class ContactList(_Object):
    """A contact of a PJSIPShowContacts list."""

    __slots__ = ()

    via_addr = Text("ViaAddr")
    via_port = Int("ViaPort")
    qualify_timeout = Float("QualifyTimeout")
    call_id = Text("CallId")
    reg_server = Text("RegServer")
    prune_on_boot = Bool("PruneOnBoot")
    path = Text("Path")
    endpoint = Text("Endpoint")
    authenticate_qualify = Bool("AuthenticateQualify")
    uri = Text("Uri")
    qualify_frequency = Int("QualifyFrequency")
    user_agent = Text("UserAgent")
    expiration_time = Text("ExpirationTime")
    outbound_proxy = Text("OutboundProxy")
    status = Text("Status")
    roundtrip_usec = Int("RoundtripUsec", unknown=("N/A",))
    qualify_2xx_only = Bool("Qualify2xxOnly")


class ContactListComplete(ListEnd):
    """The end of a PJSIPShowContacts list."""

    __slots__ = ()


class ContactStatusDetail(Event):
    """A contact with its state, of a PJSIPShowEndpoint list or a list of inbound registrations.

    `roundtrip_usec` is in microseconds.
    """

    __slots__ = ()

    aor = Text("AOR")
    uri = Text("URI")
    status = Text("Status")
    roundtrip_usec = Int("RoundtripUsec", unknown=("N/A",))
    endpoint_name = Text("EndpointName")
    user_agent = Text("UserAgent")
    reg_expire = Text("RegExpire")
    via_address = Text("ViaAddress")
    call_id = Text("CallID")
    id = Text("ID")
    authenticate_qualify = Int("AuthenticateQualify")
    outbound_proxy = Text("OutboundProxy")
    path = Text("Path")
    qualify_frequency = Int("QualifyFrequency")
    qualify_timeout = Float("QualifyTimeout")
    qualify_2xx_only = Int("Qualify2xxOnly")


class ContactStatusDetailComplete(ListEnd):
    """The end of a PJSIPShowRegistrationInboundContactStatuses list."""

    __slots__ = ()


class IdentifyDetail(_Object):
    """An identification by address or header, of a PJSIPShowEndpoint list."""

    __slots__ = ()

    endpoint = Text("Endpoint")
    srv_lookups = Bool("SrvLookups")
    match = Text("Match")
    match_header = Text("MatchHeader")
    match_request_uri = Text("MatchRequestUri")
    endpoint_name = Text("EndpointName")


class TransportDetail(_Object):
    """A transport of a PJSIPShowEndpoint list."""

    __slots__ = ()

    protocol = Text("Protocol")
    bind = Text("Bind")
    async_operations = Int("AsyncOperations", "AsycOperations")
    ca_list_file = Text("CaListFile")
    ca_list_path = Text("CaListPath")
    cert_file = Text("CertFile")
    priv_key_file = Text("PrivKeyFile")
    password = Text("Password")
    external_signaling_address = Text("ExternalSignalingAddress")
    external_signaling_port = Int("ExternalSignalingPort")
    external_media_address = Text("ExternalMediaAddress")
    domain = Text("Domain")
    verify_server = Text("VerifyServer")
    verify_client = Text("VerifyClient")
    require_client_cert = Text("RequireClientCert")
    method = Text("Method")
    cipher = Text("Cipher")
    local_net = Text("LocalNet")
    tos = Text("Tos")
    cos = Int("Cos")
    websocket_write_timeout = Int("WebsocketWriteTimeout")
    allow_reload = Bool("AllowReload")
    allow_wildcard_certs = Text("AllowWildcardCerts")
    symmetric_transport = Bool("SymmetricTransport")
    tcp_keepalive_enable = Bool("TcpKeepaliveEnable")
    tcp_keepalive_idle_time = Int("TcpKeepaliveIdleTime")
    tcp_keepalive_interval_time = Int("TcpKeepaliveIntervalTime")
    tcp_keepalive_probe_count = Int("TcpKeepaliveProbeCount")
    endpoint_name = Text("EndpointName")


class InboundRegistrationDetail(_Aor):
    """An address of record, of a PJSIPShowRegistrationsInbound list."""

    __slots__ = ()

    contact = Text("Contact")


class InboundRegistrationDetailComplete(ListEnd):
    """The end of a PJSIPShowRegistrationsInbound list."""

    __slots__ = ()


class OutboundRegistrationDetail(_Object):
    """A registration at another server, of a PJSIPShowRegistrationsOutbound list."""

    __slots__ = ()

    max_retries = Int("MaxRetries")
    client_uri = Text("ClientUri")
    security_negotiation = Text("SecurityNegotiation")
    auth_rejection_permanent = Bool("AuthRejectionPermanent")
    server_uri = Text("ServerUri")
    max_random_initial_delay = Int("MaxRandomInitialDelay")
    support_path = Bool("SupportPath")
    retry_interval = Int("RetryInterval")
    contact_header_params = Text("ContactHeaderParams")
    expiration = Int("Expiration")
    transport = Text("Transport")
    contact_user = Text("ContactUser")
    endpoint = Text("Endpoint")
    user_agent = Text("UserAgent")
    forbidden_retry_interval = Int("ForbiddenRetryInterval")
    outbound_auth = Text("OutboundAuth")
    outbound_proxy = Text("OutboundProxy")
    fatal_retry_interval = Int("FatalRetryInterval")
    support_outbound = Bool("SupportOutbound")
    status = Text("Status")
    next_reg = Int("NextReg")
    line = Bool("Line")


class OutboundRegistrationDetailComplete(ListEnd):
    """The end of a PJSIPShowRegistrationsOutbound list."""

    __slots__ = ()

    registered = Int("Registered")
    not_registered = Int("NotRegistered")


class InboundSubscriptionDetail(_Subscription):
    """A subscription that another party made here, of a PJSIPShowSubscriptionsInbound list."""

    __slots__ = ()


class InboundSubscriptionDetailComplete(ListEnd):
    """The end of a PJSIPShowSubscriptionsInbound list."""

    __slots__ = ()


class OutboundSubscriptionDetail(_Subscription):
    """A subscription that Asterisk made elsewhere, of a PJSIPShowSubscriptionsOutbound list."""

    __slots__ = ()


class OutboundSubscriptionDetailComplete(ListEnd):
    """The end of a PJSIPShowSubscriptionsOutbound list."""

    __slots__ = ()


class ResourceListDetail(_Object):
    """A resource list of a PJSIPShowResourceLists list."""

    __slots__ = ()

    full_state = Bool("FullState")
    list_item = Text("ListItem")
    notification_batch_interval = Int("NotificationBatchInterval")
    resource_display_name = Bool("ResourceDisplayName")


class ResourceListDetailComplete(ListEnd):
    """The end of a PJSIPShowResourceLists list."""

    __slots__ = ()


class PJSIPMaintenanceStatus(Event):
    """The maintenance mode of an endpoint, of a PJSIPShowMaintenance list."""

    __slots__ = ()

    endpoint = Text("Endpoint")
    status = Bool("Status")


class PJSIPMaintenanceStatusComplete(ListEnd):
    """The end of a PJSIPShowMaintenance list."""

    __slots__ = ()


# --- lists ------------------------------------------------------------------------------------


@register_list
class PJSIPShowAors_Aggregate(Aggregate):
    """The addresses of record, asked for with PJSIPShowAors."""

    members = (AorList,)
    finisher = AorListComplete


@register_list
class PJSIPShowAuths_Aggregate(Aggregate):
    """The authentications, asked for with PJSIPShowAuths."""

    members = (AuthList,)
    finisher = AuthListComplete


@register_list
class PJSIPShowContacts_Aggregate(Aggregate):
    """The contacts, asked for with PJSIPShowContacts."""

    members = (ContactList,)
    finisher = ContactListComplete


@register_list
class PJSIPShowEndpoint_Aggregate(Aggregate):
    """One endpoint and its objects, asked for with PJSIPShowEndpoint."""

    members = (
        EndpointDetail,
        IdentifyDetail,
        ContactStatusDetail,
        AuthDetail,
        TransportDetail,
        AorDetail,
    )
    finisher = EndpointDetailComplete
    # After an Error, which ends the list, Asterisk sends the finisher as well.
    opens_unasked = False


@register_list
class PJSIPShowEndpoints_Aggregate(Aggregate):
    """The endpoints, asked for with PJSIPShowEndpoints."""

    members = (EndpointList,)
    finisher = EndpointListComplete


@register_list
class PJSIPShowMaintenance_Aggregate(Aggregate):
    """The endpoints in maintenance, asked for with PJSIPShowMaintenance."""

    members = (PJSIPMaintenanceStatus,)
    finisher = PJSIPMaintenanceStatusComplete


@register_list
class PJSIPShowRegistrationInboundContactStatuses_Aggregate(Aggregate):
    """The states of all contacts, asked for with PJSIPShowRegistrationInboundContactStatuses."""

    members = (ContactStatusDetail,)
    finisher = ContactStatusDetailComplete
    # The contacts of an unannounced PJSIPShowEndpoint list would open it.
    opens_unasked = False


@register_list
class PJSIPShowRegistrationsInbound_Aggregate(Aggregate):
    """The inbound registrations, asked for with PJSIPShowRegistrationsInbound."""

    members = (InboundRegistrationDetail,)
    finisher = InboundRegistrationDetailComplete


@register_list
class PJSIPShowRegistrationsOutbound_Aggregate(Aggregate):
    """The outbound registrations, asked for with PJSIPShowRegistrationsOutbound.

    Asterisk sends each registration and then its authentications, which ListItems does not count.
    """

    members = (OutboundRegistrationDetail, AuthDetail)
    finisher = OutboundRegistrationDetailComplete
    uncounted = (AuthDetail,)


@register_list
class PJSIPShowResourceLists_Aggregate(Aggregate):
    """The resource lists, asked for with PJSIPShowResourceLists."""

    members = (ResourceListDetail,)
    finisher = ResourceListDetailComplete


@register_list
class PJSIPShowSubscriptionsInbound_Aggregate(Aggregate):
    """The inbound subscriptions, asked for with PJSIPShowSubscriptionsInbound."""

    members = (InboundSubscriptionDetail,)
    finisher = InboundSubscriptionDetailComplete


@register_list
class PJSIPShowSubscriptionsOutbound_Aggregate(Aggregate):
    """The outbound subscriptions, asked for with PJSIPShowSubscriptionsOutbound."""

    members = (OutboundSubscriptionDetail,)
    finisher = OutboundSubscriptionDetailComplete
