"""camera 5: the four marks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.camera.marks import Arc, Bar, Caption, Plate, Seen, draw, shapes
from triptych.camera.parameters import MARKS

SIZE = (1280, 720)
BOX = (0.4, 0.3, 120 / 1280, 160 / 720)
CENTRE = (0.4 * 1280 + 60, 0.3 * 720 + 80)
RADIUS = 100.0
TARGET = Seen(box=BOX, label="7", target=True)


def canvas():
    return np.full((720, 1280, 3), 128, np.uint8)


def touched(picture):
    rows, columns = np.nonzero((picture != 128).any(axis=2))
    return np.column_stack((columns, rows))


def drawn(mark, *objects, at_s=1.0):
    picture = canvas()
    draw(picture, mark, objects, at_s)
    return picture


def test_no_mark_leaves_the_picture_as_it_is():
    assert (drawn(None, TARGET) == 128).all()


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_depends_on_box_and_time_alone(mark):
    assert (drawn(mark, TARGET) == drawn(mark, TARGET)).all()


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_stays_around_its_face(mark):
    distance = np.hypot(*(touched(drawn(mark, TARGET)) - CENTRE).T)
    assert 0.5 * RADIUS < distance.max() < 1.25 * RADIUS


def test_single_rect_is_two_blue_pixels_on_the_box():
    picture = drawn("single_rect", TARGET)
    column = picture[:, round(CENTRE[0])]
    assert (column[215:217, 0] > 200).all(), "the top side, blue"
    assert (column[[214, 217]] < 32).all(), "a dark pixel on either side"
    assert (column[220:370] == 128).all(), "nothing inside the face"


def test_partial_rect_leaves_the_middle_of_each_side_open():
    bars = [shape for shape in shapes("partial_rect", TARGET, 0.0, SIZE) if isinstance(shape, Bar)]
    brackets, hairlines = bars[:8], bars[8:]
    top = [bar for bar in brackets if bar.start[1] == bar.end[1] == pytest.approx(CENTRE[1] - 60)]
    covered = sum(math.dist(bar.start, bar.end) for bar in top)
    assert covered == pytest.approx(0.7 * 120), "the middle 30 % of a side of 1.2 r is open"
    reach = [sorted(math.dist(CENTRE, point) / RADIUS for point in (bar.start, bar.end)) for bar in hairlines]
    assert reach == [pytest.approx([0.18, 0.9])] * 4


def test_the_arcs_turn_against_each_other_at_150_degrees_a_second():
    def starts(at_s):
        return [shape.start_deg for shape in shapes("rotating_arcs", TARGET, at_s, SIZE) if isinstance(shape, Arc)]

    assert [after - before for before, after in zip(starts(1.0), starts(1.5), strict=True)] == [75, -75]
    band, hairline = (shape for shape in shapes("rotating_arcs", TARGET, 0.0, SIZE) if isinstance(shape, Arc))
    assert (band.radius_px, band.width_px, band.span_deg) == pytest.approx((62, 14, 120))
    assert (hairline.radius_px, hairline.span_deg) == pytest.approx((50, 140))


def test_the_arcs_carry_the_name_below_the_face():
    made = list(shapes("rotating_arcs", TARGET, 0.0, SIZE))
    plate = next(shape for shape in made if isinstance(shape, Plate))
    caption = next(shape for shape in made if isinstance(shape, Caption))
    assert caption.text == "7"
    assert min(y for _, y in plate.corners) > CENTRE[1] + 0.62 * RADIUS


def test_the_rings_of_the_animation_grow_and_fade():
    def rings(at_s):
        return [shape for shape in shapes("animation_1", TARGET, at_s, SIZE) if isinstance(shape, Arc)]

    first, later = rings(0.0)[0], rings(1.0)[0]
    assert (first.radius_px, first.strength) == pytest.approx((40, 1))
    assert (later.radius_px, later.strength) == pytest.approx((80, 0.5))
    assert rings(2.0)[0] == first, "it is endless"
    assert sum(isinstance(shape, Bar) for shape in shapes("animation_1", TARGET, 0.0, SIZE)) == 24


@pytest.mark.parametrize("mark", MARKS)
def test_a_coasting_mark_is_dashed(mark):
    coasting = Seen(box=BOX, label="7", target=True, coasting=True)
    solid, dashed = len(touched(drawn(mark, TARGET))), len(touched(drawn(mark, coasting)))
    assert 0.3 * solid < dashed < solid


def test_other_faces_get_a_thin_grey_rectangle_and_at_most_sixteen_are_drawn():
    crowd = [Seen(box=(number / 20, 0.1, 0.03, 0.05)) for number in range(20)]
    picture = drawn("single_rect", *crowd)
    marked = [bool((picture[60:115, number * 64 : number * 64 + 50] != 128).any()) for number in range(20)]
    assert 1 <= sum(marked) <= 16
    pixel = picture[72, 5]
    assert pixel[0] == pixel[1] == pixel[2] > 150


def test_a_crowd_never_drops_the_mark_of_the_target():
    crowd = [Seen(box=(0.01, 0.01, 0.02, 0.02))] * 30
    assert (drawn("single_rect", *crowd, TARGET)[200:400] == drawn("single_rect", TARGET)[200:400]).all()


@given(
    st.sampled_from(MARKS),
    st.tuples(*[st.floats(-2, 2)] * 2, *[st.floats(0, 3)] * 2),
    st.floats(0, 1e6),
    st.booleans(),
)
def test_any_box_is_drawn_without_fault(mark, box, at_s, coasting):
    picture = np.zeros((90, 160, 3), np.uint8)
    draw(picture, mark, [Seen(box=box, label="name", target=True, coasting=coasting)], at_s)


@pytest.mark.parametrize("mark", MARKS)
def test_a_known_person_gets_her_name_with_every_mark(mark):
    """camera 5: known persons get their name."""
    known = Seen(box=BOX, label="Zoë Ø. " + "x" * 80, target=True, known=True)
    captions = [shape.text for shape in shapes(mark, known, 1.0, SIZE) if isinstance(shape, Caption)]
    assert captions == ["Zoe . xxxxxxxxxxxxxxxxxx"]
    assert [shape.text for shape in shapes(None, known, 1.0, SIZE) if isinstance(shape, Caption)] == captions


def test_a_name_that_the_font_lacks_draws_nothing():
    known = Seen(box=BOX, label="李", target=False, known=True)
    assert not [shape for shape in shapes(None, known, 1.0, SIZE) if isinstance(shape, Caption)]
