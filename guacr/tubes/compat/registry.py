"""`PyTubeRegistry`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from guacr.tubes.compat.audience import SignalCallback
from guacr.tubes.compat.dictionary import installed_protocols
from guacr.tubes.compat.handler_feed import HandlerCallback
from guacr.tubes.compat.handlers import HandlerConnections
from guacr.tubes.compat.ice import Network
from guacr.tubes.compat.lookups import Lookups
from guacr.tubes.compat.numbers import Numbers
from guacr.tubes.compat.reasons import close_reason
from guacr.tubes.compat.runtime import shutdown
from guacr.tubes.compat.tubes import FAILED_REMOTE, Application, Asked, Tubes
from guacr.tubes.errors import ConversationNotFoundError, SdpError, TubeError, TubeNotFoundError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.sdp import decode, encode

if TYPE_CHECKING:
    from guacr.settings.models import Settings


class PyTubeRegistry(Lookups, HandlerConnections, Numbers):
    """All tubes of the process; every instance has the same.

    Session descriptions are base64. Every failure is a RuntimeError with a sentence.

    Args:
        settings: of the sessions of this process that begin from now on, whoever creates them;
            None leaves them as they are.
    """

    def __init__(self, *, settings: Settings | None = None) -> None:
        if settings is not None:
            run = self._runtime
            run.call(lambda: run.tubes.registry.sessions.configure(settings))

    # ---- creation

    def create_tube(
        self,
        conversation_id: str,
        settings: Mapping[str, Any],
        trickle_ice: bool,
        callback_token: str,
        krelay_server: str,
        client_version: str | None = None,
        ksm_config: str | None = None,
        offer: str | None = None,
        signal_callback: SignalCallback | None = None,
        tube_id: str | None = None,
        enable_multi_channel: bool | None = None,
        handler_callback: HandlerCallback | None = None,
        *,
        interfaces: Sequence[str] = (),
        turn_authorities: str = "",
    ) -> dict[str, str]:
        """Create a tube, or another conversation of an existing one.

        Args:
            conversation_id: the label of its channel.
            settings: of the conversation; docs/tubes.md has the keys.
            trickle_ice: candidates come as signals; otherwise, they are in the description.
            callback_token: a later create for the same tube must have the same.
            krelay_server: a STUN server, as `host`, on port 3478, or `host:port`; "" for none.
            client_version: of the caller; required.
            ksm_config: ignored: nothing is asked of Keeper's servers.
            offer: the peer's, for the answering end.
            signal_callback: called with each signal, in a thread.
            tube_id: of an existing tube, or for a new one.
            enable_multi_channel: long messages are sent in fragments; both ends must set it.
            handler_callback: called with lists of events, in a thread, for "python_handler".
            interfaces: names of the network interfaces to use, such as "eth0"; all by default.
            turn_authorities: PEM texts of the authorities that sign the certificate of a TURN
                server over TLS; those of the system by default.

        Returns:
            `tube_id`, and `offer` or `answer`, and `actual_local_listen_addr` if there is a
            listener.
        """
        if client_version is None:
            raise RuntimeError("client_version is required and must be provided")
        if not isinstance(settings, Mapping):
            raise RuntimeError("Settings parameter must be a dictionary.")  # noqa: TRY004
        _check_texts(conversation_id=conversation_id, offer=offer, tube_id=tube_id)
        _check_callables(signal_callback=signal_callback, handler_callback=handler_callback)
        run = self._runtime
        installed_protocols()  # reads files, and not on the event loop
        dispatcher = run.dispatcher(held=True)
        application = Application(signal_callback, handler_callback, dispatcher, run.later)

        async def create() -> dict[str, str]:
            asked = Asked(
                conversation_id,
                settings,
                Network(krelay_server or "", tuple(interfaces), turn_authorities),
                token=callback_token,
                offer="" if offer is None else _initial(offer),
                tube_id=tube_id or "",
                trickle=trickle_ice,
                fragmented=bool(enable_multi_channel),
            )
            return await run.tubes.create(asked, application)

        try:
            result = run.call(create, "Failed to create tube: ")
        except RuntimeError:
            raise
        except BaseException:  # Ctrl+C, perhaps as the tube was there
            run.later(lambda: run.tubes.abandon(dispatcher))
            raise
        finally:
            dispatcher.release()  # a caller should know the tube before its signals
        if offer is None:
            self.set_server_mode(True)
        return result

    # ---- descriptions and candidates

    def set_remote_description(
        self,
        tube_id: str,
        sdp: str,
        is_answer: bool = False,
    ) -> str | None:
        """Set the peer's description; for an offer, return the answer."""
        run = self._runtime

        async def set_remote() -> str | None:
            tube = run.tubes.registry.tube(tube_id)
            text = _decoded(sdp)
            try:
                answer = await tube.set_remote_description(text, is_answer=is_answer)
            except TubeError as error:
                raise TubeError(FAILED_REMOTE + str(error)) from error
            return None if answer is None else encode(answer)

        return run.call(set_remote)

    def create_offer(self, tube_id: str) -> str:
        """Return a new offer of a tube."""
        return self._described(lambda tubes: tubes.registry.create_offer(tube_id), "create offer")

    def create_answer(self, tube_id: str) -> str:
        """Return the answer to the peer's last offer, and the same when repeated."""
        return self._described(lambda tubes: tubes.registry.create_answer(tube_id), "create answer")

    def restart_ice(self, tube_id: str) -> str:
        """Begin an ICE restart; return the offer for it."""
        return self._described(lambda tubes: tubes.registry.restart_ice(tube_id), "restart ICE")

    def _described(self, step: Callable[[Tubes], Awaitable[str]], what: str) -> str:
        run = self._runtime

        async def describe() -> str:
            try:
                return encode(await step(run.tubes))
            except TubeNotFoundError:
                raise
            except TubeError as error:
                raise TubeError(f"Failed to {what}: {error}") from error

        return run.call(describe)

    def add_ice_candidate(self, tube_id: str, candidate: str) -> None:
        """Add a candidate of the peer, "" for their end. It never fails, and does not wait."""
        run = self._runtime

        def add() -> None:
            with suppress(TubeNotFoundError):
                run.tubes.registry.add_candidate(tube_id, candidate)

        run.later(add)

    # ---- the end

    def close_connection(self, connection_id: str, reason: int | None = None) -> None:
        """Close a conversation; its tube stays."""
        why = close_reason(reason, CloseReason.UNKNOWN)

        def close(tubes: Tubes) -> None:
            if tubes.registry.tube_of(connection_id) is None:
                raise ConversationNotFoundError(f"No tube found for connection ID: {connection_id}")
            with suppress(ConversationNotFoundError):  # it is closed, or another name of its tube
                tubes.registry.close_conversation(connection_id, why)

        self._do(close, "Rust: ")

    def close_tube(self, tube_id: str, reason: int | None = None) -> None:
        """Close a tube, and wait until it is released."""
        run = self._runtime
        why = close_reason(reason, CloseReason.ADMIN_CLOSED)
        run.call(
            lambda: run.tubes.registry.close_tube(tube_id, why),
            f"Rust: Failed to close tube {tube_id}: ",
        )

    def cleanup_tubes(self, tube_ids: Iterable[str]) -> None:
        """Close these tubes; unknown ones are left out."""
        wanted = list(tube_ids)
        run = self._runtime

        async def close() -> None:
            tubes = run.tubes.registry.tubes
            await run.tubes.registry.close_tubes([tubes[name] for name in wanted if name in tubes])

        run.call(close)

    def cleanup_all(self) -> None:
        """Close all tubes."""
        run = self._runtime
        run.call(lambda: run.tubes.registry.close_tubes(run.tubes.registry.tubes.values()))

    def do_force_cleanup(self) -> None:
        """Close all tubes."""
        self.cleanup_all()

    def shutdown_runtime(self) -> None:
        """Close all tubes, and end the threads; a later call of anything starts anew."""
        shutdown()


def _decoded(sdp: str) -> str:
    try:
        return decode(sdp)
    except SdpError as error:
        raise SdpError(f"Failed to decode SDP from base64: {error}") from error


def _check_texts(**values: object) -> None:
    for name, value in values.items():
        if not (value is None or isinstance(value, str)):
            raise RuntimeError(f"{name} must be a text, not {type(value).__name__}")


def _check_callables(**values: object) -> None:
    for name, value in values.items():
        if not (value is None or callable(value)):
            raise RuntimeError(f"{name} must be callable, not {type(value).__name__}")


def _initial(offer: str) -> str:
    try:
        text = decode(offer)
    except SdpError as error:
        raise SdpError("Failed to decode initial_offer_sdp from base64") from error
    if not text:
        raise SdpError(FAILED_REMOTE + "the offer is empty")
    return text
