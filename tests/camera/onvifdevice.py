"""An ONVIF camera on loopback: SOAP 1.2 over HTTP with WS-Security, and the moves of one profile."""

import base64
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree as ET

from camera.turret import Turret

SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
PTZ = "{http://www.onvif.org/ver20/ptz/wsdl}"
TT = "{http://www.onvif.org/ver10/schema}"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
SPACES = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/"
KINDS = {
    "continuous": ("ContinuousPanTiltVelocitySpace", "VelocityGenericSpace"),
    "absolute": ("AbsolutePanTiltPositionSpace", "PositionGenericSpace"),
    "relative": ("RelativePanTiltTranslationSpace", "TranslationGenericSpace"),
}
FULL_DEG_S, SPAN_DEG = (60.0, 30.0), (360.0, 180.0)


class OnvifDevice:
    """Offers `kinds` of moves; `tells` is whether GetStatus has a position. Its clock goes `ahead`; its move status lies: always IDLE."""

    def __init__(self, kinds, *, user="admin", password="s3cret & <odd>", tells=True, ahead=timedelta(hours=3), at=(0.0, 0.0)):
        self.turret = Turret(at)
        self.calls, self.nonces = [], set()
        self.kinds, self.tells, self.user, self.password, self.ahead = kinds, tells, user, password, ahead
        self.silent = threading.Event()
        self.answers = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/onvif/device_service"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self):
        self.silent.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(device):  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                text = self.rfile.read(int(self.headers["content-length"]))
                if device.silent.is_set():
                    self.close_connection = True
                    return
                status, body = device.answer(self.path, text)
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def answer(self, path, text):
        envelope = ET.fromstring(text)
        request = envelope.find(f"{SOAP}Body")[0]
        verb = request.tag.rpartition("}")[2]
        self.calls.append((verb, path))
        if verb in self.answers:
            return 200, self.answers[verb]
        if verb != "GetSystemDateAndTime" and not self._signed(envelope):
            return 400, _fault("Sender not authorized")
        try:
            return 200, _envelope(getattr(self, f"_{verb}")(request))
        except AttributeError:
            return 500, _fault("Optional Action Not Implemented")

    def _signed(self, envelope):
        token = envelope.find(f"{SOAP}Header//{{{OASIS}wssecurity-secext-1.0.xsd}}UsernameToken")
        if token is None:
            return False
        user, shown, nonce, created = (part.text for part in token)
        assert nonce not in self.nonces, "a nonce is good once"
        self.nonces.add(nonce)
        late = abs(datetime.fromisoformat(created) - datetime.now(UTC) - self.ahead)
        digest = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()
        return user == self.user and late < timedelta(seconds=5) and base64.b64decode(shown) == digest

    def _GetSystemDateAndTime(self, _):  # noqa: N802 - ONVIF's own name, as are those below
        now = datetime.now(UTC) + self.ahead
        date = f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
        time = f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second></tt:Time>"
        return f"<GetSystemDateAndTimeResponse><tt:UTCDateTime>{time}{date}</tt:UTCDateTime></GetSystemDateAndTimeResponse>"

    def _GetCapabilities(self, _):  # noqa: N802
        address = "<tt:XAddr>http://10.9.8.7/onvif/{}</tt:XAddr>"
        services = f"<tt:Media>{address.format('media')}</tt:Media><tt:PTZ>{address.format('ptz')}</tt:PTZ>"
        return f"<GetCapabilitiesResponse><Capabilities>{services}</Capabilities></GetCapabilitiesResponse>"

    def _GetProfiles(self, _):  # noqa: N802
        fixed = '<Profiles token="fixed"/>'
        turning = '<Profiles token="main"><tt:PTZConfiguration token="c"><tt:NodeToken>node</tt:NodeToken></tt:PTZConfiguration></Profiles>'
        return f"<GetProfilesResponse>{fixed}{turning}</GetProfilesResponse>"

    def _GetNode(self, request):  # noqa: N802
        assert request.findtext(f"{PTZ}NodeToken") == "node"
        spaces = "".join(_space(*KINDS[kind]) for kind in self.kinds)
        return f"<GetNodeResponse><PTZNode><tt:SupportedPTZSpaces>{spaces}</tt:SupportedPTZSpaces></PTZNode></GetNodeResponse>"

    def _GetStatus(self, _):  # noqa: N802
        if not self.tells:
            return "<GetStatusResponse><PTZStatus/></GetStatusResponse>"
        pan, tilt = self.turret.place()
        place = f'<tt:Position><tt:PanTilt x="{pan / 180:.6f}" y="{tilt / 90:.6f}" space="{SPACES}PositionGenericSpace"/></tt:Position>'
        moves = "<tt:MoveStatus><tt:PanTilt>IDLE</tt:PanTilt></tt:MoveStatus>"
        return f"<GetStatusResponse><PTZStatus>{place}{moves}</PTZStatus></GetStatusResponse>"

    def _ContinuousMove(self, request):  # noqa: N802
        self._offers("continuous", request)
        assert request.findtext(f"{PTZ}Timeout") == "PT0.5S"
        x, y = _vector(request.find(f"{PTZ}Velocity/{TT}PanTilt"))
        self.turret.run((x * FULL_DEG_S[0], y * FULL_DEG_S[1]), lease_s=0.5)
        return "<ContinuousMoveResponse/>"

    def _AbsoluteMove(self, request):  # noqa: N802
        self._offers("absolute", request)
        x, y = _vector(request.find(f"{PTZ}Position/{TT}PanTilt"))
        self._go(request, (x * 180, y * 90))
        return "<AbsoluteMoveResponse/>"

    def _RelativeMove(self, request):  # noqa: N802
        self._offers("relative", request)
        x, y = _vector(request.find(f"{PTZ}Translation/{TT}PanTilt"))
        at = self.turret.place()
        self._go(request, (at[0] + x * 180, at[1] + y * 90))
        return "<RelativeMoveResponse/>"

    def _Stop(self, request):  # noqa: N802
        assert request.findtext(f"{PTZ}PanTilt") == "true"
        self.turret.halt()
        return "<StopResponse/>"

    def _offers(self, kind, request):
        assert kind in self.kinds
        assert request.findtext(f"{PTZ}ProfileToken") == "main"

    def _go(self, request, goal):
        x, y = _vector(request.find(f"{PTZ}Speed/{TT}PanTilt"))
        at = self.turret.place()
        speeds = tuple(
            (part * full) * (1 if end >= here else -1) for part, full, end, here in zip((x, y), FULL_DEG_S, goal, at, strict=True)
        )
        self.turret.run(speeds, goal)


def _vector(node):
    x, y = float(node.get("x")), float(node.get("y"))
    assert -1 <= x <= 1
    assert -1 <= y <= 1
    return x, y


def _space(name, uri):
    ranges = "".join(f"<tt:{axis}><tt:Min>-1</tt:Min><tt:Max>1</tt:Max></tt:{axis}>" for axis in ("XRange", "YRange"))
    return f"<tt:{name}><tt:URI>{SPACES}{uri}</tt:URI>{ranges}</tt:{name}>"


def _envelope(body):
    return f'<s:Envelope xmlns:s="{SOAP[1:-1]}" xmlns:tt="{TT[1:-1]}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _fault(reason):
    code = "<s:Code><s:Value>s:Sender</s:Value></s:Code>"
    return _envelope(f'<s:Fault>{code}<s:Reason><s:Text xml:lang="en">{reason}.</s:Text></s:Reason></s:Fault>')
