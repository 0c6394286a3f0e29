"""Servos on the pins of a Raspberry Pi, by gpiozero."""

from collections.abc import Sequence

from triptych.camera.boards import PERIOD_US
from triptych.errors import Unavailable


class GpioBoard:
    """One pin a servo, by the numbers of the chip (BCM)."""

    def __init__(self, pins: Sequence[int]) -> None:
        try:
            import gpiozero  # noqa: PLC0415 - a driver that few have
        except ImportError as fault:
            raise Unavailable("GPIO needs gpiozero: pip install 'triptych[ptz]'.", code="library_missing") from fault
        self._outputs: list[gpiozero.PWMOutputDevice] = []
        try:
            for pin in pins:
                self._outputs.append(gpiozero.PWMOutputDevice(pin, initial_value=0, frequency=round(1e6 / PERIOD_US)))
        except (gpiozero.GPIOZeroError, OSError) as fault:
            self.close()
            why = str(fault)[:100].rstrip(".! ") or type(fault).__name__
            raise Unavailable(f"GPIO pin {pin} cannot be used: {why}.", code="pin_unusable") from fault

    def pulse(self, place: int, width_us: float | None) -> None:
        """Give this servo pulses of a width, or None to release it."""
        self._outputs[place].value = 0 if width_us is None else width_us / PERIOD_US

    def close(self) -> None:
        """Release every servo and give the pins back."""
        for output in self._outputs:
            output.close()
