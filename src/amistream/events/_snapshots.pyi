"""The classes that _snapshots.py makes; written by `python -m ci.quality stubs`."""

from amistream.enums import ChannelState
from amistream.headers import Enumeration, Int, Text, Variables
from amistream.messages import Event

UNKNOWN: tuple[str, ...]

class ChannelEvent(Event):
    channel: Text
    channel_state: Enumeration[ChannelState | None]
    channel_state_desc: Text
    caller_id_num: Text
    caller_id_name: Text
    connected_line_num: Text
    connected_line_name: Text
    language: Text
    account_code: Text
    context: Text
    exten: Text
    priority: Int[int | None]
    uniqueid: Text
    linkedid: Text
    tenantid: Text
    channel_variables: Variables

class BridgeEvent(Event):
    bridge_uniqueid: Text
    bridge_type: Text
    bridge_technology: Text
    bridge_creator: Text
    bridge_name: Text
    bridge_num_channels: Int[int | None]
    bridge_video_source_mode: Text
    bridge_video_source: Text

class DestChannelEvent(Event):
    dest_channel: Text
    dest_channel_state: Enumeration[ChannelState | None]
    dest_channel_state_desc: Text
    dest_caller_id_num: Text
    dest_caller_id_name: Text
    dest_connected_line_num: Text
    dest_connected_line_name: Text
    dest_language: Text
    dest_account_code: Text
    dest_context: Text
    dest_exten: Text
    dest_priority: Int[int | None]
    dest_uniqueid: Text
    dest_linkedid: Text
    dest_tenantid: Text
    dest_channel_variables: Variables

class LocalOneChannelEvent(Event):
    local_one_channel: Text
    local_one_channel_state: Enumeration[ChannelState | None]
    local_one_channel_state_desc: Text
    local_one_caller_id_num: Text
    local_one_caller_id_name: Text
    local_one_connected_line_num: Text
    local_one_connected_line_name: Text
    local_one_language: Text
    local_one_account_code: Text
    local_one_context: Text
    local_one_exten: Text
    local_one_priority: Int[int | None]
    local_one_uniqueid: Text
    local_one_linkedid: Text
    local_one_tenantid: Text
    local_one_channel_variables: Variables

class LocalTwoChannelEvent(Event):
    local_two_channel: Text
    local_two_channel_state: Enumeration[ChannelState | None]
    local_two_channel_state_desc: Text
    local_two_caller_id_num: Text
    local_two_caller_id_name: Text
    local_two_connected_line_num: Text
    local_two_connected_line_name: Text
    local_two_language: Text
    local_two_account_code: Text
    local_two_context: Text
    local_two_exten: Text
    local_two_priority: Int[int | None]
    local_two_uniqueid: Text
    local_two_linkedid: Text
    local_two_tenantid: Text
    local_two_channel_variables: Variables

class OrigTransfererChannelEvent(Event):
    orig_transferer_channel: Text
    orig_transferer_channel_state: Enumeration[ChannelState | None]
    orig_transferer_channel_state_desc: Text
    orig_transferer_caller_id_num: Text
    orig_transferer_caller_id_name: Text
    orig_transferer_connected_line_num: Text
    orig_transferer_connected_line_name: Text
    orig_transferer_language: Text
    orig_transferer_account_code: Text
    orig_transferer_context: Text
    orig_transferer_exten: Text
    orig_transferer_priority: Int[int | None]
    orig_transferer_uniqueid: Text
    orig_transferer_linkedid: Text
    orig_transferer_tenantid: Text
    orig_transferer_channel_variables: Variables

class ParkeeChannelEvent(Event):
    parkee_channel: Text
    parkee_channel_state: Enumeration[ChannelState | None]
    parkee_channel_state_desc: Text
    parkee_caller_id_num: Text
    parkee_caller_id_name: Text
    parkee_connected_line_num: Text
    parkee_connected_line_name: Text
    parkee_language: Text
    parkee_account_code: Text
    parkee_context: Text
    parkee_exten: Text
    parkee_priority: Int[int | None]
    parkee_uniqueid: Text
    parkee_linkedid: Text
    parkee_tenantid: Text
    parkee_channel_variables: Variables

class ParkerChannelEvent(Event):
    parker_channel: Text
    parker_channel_state: Enumeration[ChannelState | None]
    parker_channel_state_desc: Text
    parker_caller_id_num: Text
    parker_caller_id_name: Text
    parker_connected_line_num: Text
    parker_connected_line_name: Text
    parker_language: Text
    parker_account_code: Text
    parker_context: Text
    parker_exten: Text
    parker_priority: Int[int | None]
    parker_uniqueid: Text
    parker_linkedid: Text
    parker_tenantid: Text
    parker_channel_variables: Variables

class RetrieverChannelEvent(Event):
    retriever_channel: Text
    retriever_channel_state: Enumeration[ChannelState | None]
    retriever_channel_state_desc: Text
    retriever_caller_id_num: Text
    retriever_caller_id_name: Text
    retriever_connected_line_num: Text
    retriever_connected_line_name: Text
    retriever_language: Text
    retriever_account_code: Text
    retriever_context: Text
    retriever_exten: Text
    retriever_priority: Int[int | None]
    retriever_uniqueid: Text
    retriever_linkedid: Text
    retriever_tenantid: Text
    retriever_channel_variables: Variables

class SecondTransfererChannelEvent(Event):
    second_transferer_channel: Text
    second_transferer_channel_state: Enumeration[ChannelState | None]
    second_transferer_channel_state_desc: Text
    second_transferer_caller_id_num: Text
    second_transferer_caller_id_name: Text
    second_transferer_connected_line_num: Text
    second_transferer_connected_line_name: Text
    second_transferer_language: Text
    second_transferer_account_code: Text
    second_transferer_context: Text
    second_transferer_exten: Text
    second_transferer_priority: Int[int | None]
    second_transferer_uniqueid: Text
    second_transferer_linkedid: Text
    second_transferer_tenantid: Text
    second_transferer_channel_variables: Variables

class SourceChannelEvent(Event):
    source_channel: Text
    source_channel_state: Enumeration[ChannelState | None]
    source_channel_state_desc: Text
    source_caller_id_num: Text
    source_caller_id_name: Text
    source_connected_line_num: Text
    source_connected_line_name: Text
    source_language: Text
    source_account_code: Text
    source_context: Text
    source_exten: Text
    source_priority: Int[int | None]
    source_uniqueid: Text
    source_linkedid: Text
    source_tenantid: Text
    source_channel_variables: Variables

class SpyeeChannelEvent(Event):
    spyee_channel: Text
    spyee_channel_state: Enumeration[ChannelState | None]
    spyee_channel_state_desc: Text
    spyee_caller_id_num: Text
    spyee_caller_id_name: Text
    spyee_connected_line_num: Text
    spyee_connected_line_name: Text
    spyee_language: Text
    spyee_account_code: Text
    spyee_context: Text
    spyee_exten: Text
    spyee_priority: Int[int | None]
    spyee_uniqueid: Text
    spyee_linkedid: Text
    spyee_tenantid: Text
    spyee_channel_variables: Variables

class SpyerChannelEvent(Event):
    spyer_channel: Text
    spyer_channel_state: Enumeration[ChannelState | None]
    spyer_channel_state_desc: Text
    spyer_caller_id_num: Text
    spyer_caller_id_name: Text
    spyer_connected_line_num: Text
    spyer_connected_line_name: Text
    spyer_language: Text
    spyer_account_code: Text
    spyer_context: Text
    spyer_exten: Text
    spyer_priority: Int[int | None]
    spyer_uniqueid: Text
    spyer_linkedid: Text
    spyer_tenantid: Text
    spyer_channel_variables: Variables

class TargetChannelEvent(Event):
    target_channel: Text
    target_channel_state: Enumeration[ChannelState | None]
    target_channel_state_desc: Text
    target_caller_id_num: Text
    target_caller_id_name: Text
    target_connected_line_num: Text
    target_connected_line_name: Text
    target_language: Text
    target_account_code: Text
    target_context: Text
    target_exten: Text
    target_priority: Int[int | None]
    target_uniqueid: Text
    target_linkedid: Text
    target_tenantid: Text
    target_channel_variables: Variables

class TransfereeChannelEvent(Event):
    transferee_channel: Text
    transferee_channel_state: Enumeration[ChannelState | None]
    transferee_channel_state_desc: Text
    transferee_caller_id_num: Text
    transferee_caller_id_name: Text
    transferee_connected_line_num: Text
    transferee_connected_line_name: Text
    transferee_language: Text
    transferee_account_code: Text
    transferee_context: Text
    transferee_exten: Text
    transferee_priority: Int[int | None]
    transferee_uniqueid: Text
    transferee_linkedid: Text
    transferee_tenantid: Text
    transferee_channel_variables: Variables

class TransfererChannelEvent(Event):
    transferer_channel: Text
    transferer_channel_state: Enumeration[ChannelState | None]
    transferer_channel_state_desc: Text
    transferer_caller_id_num: Text
    transferer_caller_id_name: Text
    transferer_connected_line_num: Text
    transferer_connected_line_name: Text
    transferer_language: Text
    transferer_account_code: Text
    transferer_context: Text
    transferer_exten: Text
    transferer_priority: Int[int | None]
    transferer_uniqueid: Text
    transferer_linkedid: Text
    transferer_tenantid: Text
    transferer_channel_variables: Variables

class TransferTargetChannelEvent(Event):
    transfer_target_channel: Text
    transfer_target_channel_state: Enumeration[ChannelState | None]
    transfer_target_channel_state_desc: Text
    transfer_target_caller_id_num: Text
    transfer_target_caller_id_name: Text
    transfer_target_connected_line_num: Text
    transfer_target_connected_line_name: Text
    transfer_target_language: Text
    transfer_target_account_code: Text
    transfer_target_context: Text
    transfer_target_exten: Text
    transfer_target_priority: Int[int | None]
    transfer_target_uniqueid: Text
    transfer_target_linkedid: Text
    transfer_target_tenantid: Text
    transfer_target_channel_variables: Variables

class FromBridgeEvent(Event):
    from_bridge_uniqueid: Text
    from_bridge_type: Text
    from_bridge_technology: Text
    from_bridge_creator: Text
    from_bridge_name: Text
    from_bridge_num_channels: Int[int | None]
    from_bridge_video_source_mode: Text
    from_bridge_video_source: Text

class OrigBridgeEvent(Event):
    orig_bridge_uniqueid: Text
    orig_bridge_type: Text
    orig_bridge_technology: Text
    orig_bridge_creator: Text
    orig_bridge_name: Text
    orig_bridge_num_channels: Int[int | None]
    orig_bridge_video_source_mode: Text
    orig_bridge_video_source: Text

class SecondBridgeEvent(Event):
    second_bridge_uniqueid: Text
    second_bridge_type: Text
    second_bridge_technology: Text
    second_bridge_creator: Text
    second_bridge_name: Text
    second_bridge_num_channels: Int[int | None]
    second_bridge_video_source_mode: Text
    second_bridge_video_source: Text

class ToBridgeEvent(Event):
    to_bridge_uniqueid: Text
    to_bridge_type: Text
    to_bridge_technology: Text
    to_bridge_creator: Text
    to_bridge_name: Text
    to_bridge_num_channels: Int[int | None]
    to_bridge_video_source_mode: Text
    to_bridge_video_source: Text
