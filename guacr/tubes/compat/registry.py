"""`PyTubeRegistry`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from guacr.tubes.compat.audience import SignalCallback
from guacr.tubes.compat.handler_feed import HandlerCallback
from guacr.tubes.compat.handlers import HandlerConnections
from guacr.tubes.compat.lookups import Lookups
from guacr.tubes.compat.numbers import Numbers
from guacr.tubes.compat.plans import Asked
from guacr.tubes.compat.reasons import close_reason
from guacr.tubes.compat.runtime import shutdown
from guacr.tubes.compat.tubes import FAILED_REMOTE, Application, Tubes
from guacr.tubes.errors import PeerError, SdpError, TubeError, TubeNotFoundError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.sdp import decode, encode
from guacr.tubes.tube import Tube


class PyTubeRegistry(Lookups, HandlerConnections, Numbers):
    """All tubes of the process; every instance has the same.

    Session descriptions are base64. Every failure is a RuntimeError with a sentence.
    """

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
    ) -> dict[str, str]:
        """Create a tube, or another conversation of an existing one.

        Args:
            conversation_id: the label of its channel.
            settings: of the conversation; docs/tubes.md has the keys.
            trickle_ice: candidates come as signals; otherwise, they are in the description.
            callback_token: a later create for the same tube must have the same.
            krelay_server: a host with a STUN server on port 3478; "" for none.
            client_version: of the caller; required.
            ksm_config: ignored: nothing is asked of Keeper's servers.
            offer: the peer's, for the answering end.
            signal_callback: called with each signal, in a thread.
            tube_id: of an existing tube, or for a new one.
            enable_multi_channel: long messages are sent in fragments; both ends must set it.
            handler_callback: called with lists of events, in a thread, for "python_handler".

        Returns:
            `tube_id`, and `offer` or `answer`, and `actual_local_listen_addr` if there is a
            listener.
        """
        if client_version is None:
            raise RuntimeError("client_version is required and must be provided")
        if not isinstance(settings, Mapping):
            raise RuntimeError("Settings parameter must be a dictionary.")  # noqa: TRY004
        run = self._runtime
        dispatcher = run.dispatcher(held=True)
        asked = Asked(
            conversation_id,
            settings,
            trickle_ice,
            krelay_server or "",
            is_answerer=offer is not None,
            fragmented=bool(enable_multi_channel),
        )
        application = Application(
            callback_token, signal_callback, handler_callback, dispatcher, run.later
        )
        try:
            result = run.call(
                lambda: run.tubes.create(asked, application, tube_id or "", offer),
                "Failed to create tube: ",
            )
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
            tube = run.tubes.tube(tube_id)
            text = _decoded(sdp)
            try:
                _check_turn(tube, is_answer=is_answer)
                tube.peer.set_remote(text, is_answer=is_answer)
                return None if is_answer else encode(await tube.answer())
            except TubeError as error:
                raise TubeError(FAILED_REMOTE + str(error)) from error

        return run.call(set_remote)

    def create_offer(self, tube_id: str) -> str:
        """Return a new offer of a tube."""
        run = self._runtime

        async def create() -> str:
            tube = run.tubes.tube(tube_id)
            if tube.peer.awaits_answer:
                raise PeerError(
                    "Failed to create offer: Cannot create offer when already have local offer"
                    + (" (trickle ICE)" if tube.trickles else "")
                )
            return encode(await tube.peer.create_offer())

        return run.call(create)

    def create_answer(self, tube_id: str) -> str:
        """Return the answer to the peer's last offer, and the same when repeated."""
        run = self._runtime

        async def create() -> str:
            tube = run.tubes.tube(tube_id)
            state = "HaveLocalOffer" if tube.peer.awaits_answer else "Stable"
            try:
                if not tube.peer.awaits_answer:
                    return encode(await tube.answer())
            except PeerError:
                pass  # there is no offer
            raise PeerError(
                "Failed to create answer: "
                f"Cannot create answer when in state {state} - must have remote offer"
            )

        return run.call(create)

    def restart_ice(self, tube_id: str) -> str:
        """Begin an ICE restart; return the offer for it."""
        run = self._runtime

        async def restart() -> str:
            tube = run.tubes.tube(tube_id)
            try:
                if not tube.trickles:
                    raise TubeError("ICE restart requires trickle ICE to be enabled for this tube")
                with tube.breaker.operation("ice"):
                    return encode(await tube.peer.restart_ice())
            except TubeError as error:
                raise TubeError(f"Failed to restart ICE: {error}") from error

        return run.call(restart)

    def add_ice_candidate(self, tube_id: str, candidate: str) -> None:
        """Add a candidate of the peer, "" for their end. It never fails, and does not wait."""
        run = self._runtime

        def add() -> None:
            tube = run.tubes.registry.tubes.get(tube_id)
            if tube is not None:
                tube.peer.add_candidate(candidate)

        run.later(add)

    # ---- the end

    def close_connection(self, connection_id: str, reason: int | None = None) -> None:
        """Close a conversation; its tube stays."""
        why = close_reason(reason, CloseReason.UNKNOWN)

        def close(tubes: Tubes) -> None:
            tube = tubes.registry.tube_of(connection_id)
            if tube is None:
                raise TubeNotFoundError(f"No tube found for connection ID: {connection_id}")
            if connection_id in tube.conversations:
                tube.close_conversation(connection_id, why)

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
            chosen = [tubes[name] for name in wanted if name in tubes]
            for tube in chosen:
                tube.close_soon(CloseReason.NORMAL)
            for tube in chosen:
                await tube.close(CloseReason.NORMAL)

        run.call(close)

    def cleanup_all(self) -> None:
        """Close all tubes."""
        run = self._runtime
        run.call(lambda: run.tubes.registry.close())

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


def _check_turn(tube: Tube, *, is_answer: bool) -> None:
    """Refuse a description that does not fit the last one, with texts that callers look for.

    Raises:
        PeerError: it does not fit.
    """
    if is_answer and not tube.peer.awaits_answer:
        raise PeerError("Invalid signaling state transition from Stable applying remote answer")
    if not is_answer and tube.peer.awaits_answer:
        raise PeerError(
            "invalid proposed signaling state transition from have-local-offer "
            "applying remote offer"
        )
