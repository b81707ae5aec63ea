"""What masks mark: one bright value, labels of which some are the lesion, slices of volumes."""

import nibabel
import numpy as np
import pytest
from PIL import Image

from rin.data.masks import labels_in, marked_slices, marks_anything, read_mask

#: An organ, 1, around a lesion, 2, beside another lesion, 3.
LABELS = np.zeros((12, 12), np.uint8)
LABELS[1:9, 1:9] = 1
LABELS[3:6, 3:6] = 2
LABELS[9:12, 9:12] = 3


def saved(folder, pixels, name="m.png"):
    Image.fromarray(pixels).save(folder / name)
    return name


def read(folder, name, *lesion, shape=LABELS.shape):
    return read_mask(folder, (name,), shape, lesion=lesion)


@pytest.mark.parametrize(
    "factor", [1, 85]
)  # small numbers, or stretched to the range of a picture
@pytest.mark.parametrize("lesion", [(), (2,), (2, 3), (1,)])
def test_labels_of_a_picture_are_marked_where_they_are_of_the_lesion(tmp_path, factor, lesion):
    name = saved(tmp_path, LABELS * np.uint8(factor))
    marked = read(tmp_path, name, *(factor * value for value in lesion))
    expected = np.isin(LABELS, lesion) if lesion else LABELS > 0
    np.testing.assert_array_equal(marked, expected)
    assert labels_in(tmp_path, name) == [factor, 2 * factor, 3 * factor]


def test_smooth_border_of_a_mask_is_no_label(tmp_path):
    large = Image.fromarray(np.pad(np.full((41, 41), 255, np.uint8), 22))
    small = np.asarray(large.resize((17, 17), Image.Resampling.BILINEAR)) // 64 * 64
    assert len(np.unique(small)) > 2
    name = saved(tmp_path, small)
    assert len(labels_in(tmp_path, name)) < 2
    np.testing.assert_array_equal(read(tmp_path, name, shape=(17, 17)), small > 96)


def test_soft_numbers_of_a_mask_are_no_labels(tmp_path):
    soft = np.where(LABELS == 3, 0.9, np.where(LABELS == 1, 0.2, 0.0)).astype(np.float32)
    np.save(tmp_path / "m.npy", soft)
    assert labels_in(tmp_path, "m.npy") == []
    np.testing.assert_array_equal(read(tmp_path, "m.npy"), LABELS == 3)


def test_mask_without_a_value_of_the_lesion_marks_nothing(tmp_path):
    name = saved(tmp_path, LABELS)
    assert marks_anything(tmp_path, (name,))
    assert marks_anything(tmp_path, (name,), lesion=(2,))
    assert not marks_anything(tmp_path, (name,), lesion=(7,))
    assert not read(tmp_path, name, 7).any()


@pytest.mark.parametrize("ending", ["nii.gz", "npy", "tif"])
def test_labels_of_a_volume_are_marked_slice_by_slice(tmp_path, ending):
    # Slices: the organ alone, both, the organ alone, the lesion alone.
    volume = np.zeros((4, 5, 6), np.uint8)
    volume[:3, 1:4, 1:5] = 1
    volume[1, 2, 2] = volume[3, 2, 3] = 2
    name, axis = f"m.{ending}", {"nii.gz": "axial", "npy": "0", "tif": "frame"}[ending]
    if ending == "nii.gz":
        # As stored: x, y, z; shown with right at the left and front on top.
        turned = volume.transpose(2, 1, 0)[::-1, ::-1]
        nibabel.save(nibabel.Nifti1Image(turned, np.eye(4)), tmp_path / name)
    elif ending == "npy":
        np.save(tmp_path / name, volume)
    else:
        first, *others = map(Image.fromarray, volume)
        first.save(tmp_path / name, save_all=True, append_images=others)
    assert labels_in(tmp_path, name) == [1, 2]
    for lesion in ((), (2,), (1,)):
        expected = np.isin(volume, lesion) if lesion else volume > 0
        marked = marked_slices(tmp_path, name, axis, lesion=lesion)
        np.testing.assert_array_equal(marked, expected.any(axis=(1, 2)))
        for number in range(4):
            place = f"{name}#{axis}-{number}" if axis != "0" else f"{name}#{number}"
            shown = read_mask(tmp_path, (place,), (5, 6), lesion=lesion)
            np.testing.assert_array_equal(shown, expected[number])
