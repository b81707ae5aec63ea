import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pydicom.valuerep import validate_value

from rin.curation.deidentify import Pseudonyms, load_key
from rin.errors import InputError

KEY = bytes(range(32))
NAMES = Pseudonyms(KEY)
IDS = st.text(min_size=1, max_size=64).filter(lambda text: text.strip(" \0"))
UIDS = st.lists(st.integers(0, 10**12), min_size=3, max_size=5).map(
    lambda parts: "1.3." + ".".join(map(str, parts))
)


def test_pseudonyms_of_a_known_key_are_these_for_ever():
    """Frozen, as another value would break the link to what was curated before."""
    assert NAMES.patient("4711") == "PPZFSKXBNWISADRPW"
    assert NAMES.uid("1.2.3") == "2.25.323208961630152148644988635546095983220"
    assert NAMES.shift_days("4711") == -1641


@given(UIDS, UIDS)
def test_uids_map_equally_where_equal_and_differently_where_different(one, other):
    again = Pseudonyms(KEY)
    assert NAMES.uid(one) == again.uid(f" {one}\0")
    assert (NAMES.uid(one) == NAMES.uid(other)) == (one == other)


@given(UIDS)
def test_uid_is_valid_dicom_and_holds_nothing_of_the_old_one(uid):
    made = NAMES.uid(uid)
    validate_value("UI", made, 2)
    assert re.fullmatch(r"2\.25\.[1-9]\d{1,38}", made)
    assert uid not in made


@pytest.mark.parametrize("uid", [CTImageStorage, ExplicitVRLittleEndian, ""])
def test_uid_of_the_standard_stays(uid):
    assert NAMES.uid(uid) == uid


@given(IDS, IDS)
def test_patients_map_equally_where_equal_and_differently_where_different(one, other):
    same = one.strip(" \0") == other.strip(" \0")
    assert (NAMES.patient(one) == NAMES.patient(other)) == same
    assert re.fullmatch("P[A-Z2-7]{16}", NAMES.patient(one))


@given(IDS, st.binary(min_size=16, max_size=40))
def test_another_key_gives_other_pseudonyms(patient, key):
    other = Pseudonyms(key)
    assert (NAMES.patient(patient) == other.patient(patient)) == (key == KEY)
    assert (NAMES.uid("1.2.3") == other.uid("1.2.3")) == (key == KEY)


@given(IDS)
def test_shift_is_between_a_day_and_ten_years_back(patient):
    assert -3650 <= NAMES.shift_days(patient) <= -1
    assert NAMES.shift_days(patient) == Pseudonyms(KEY).shift_days(f"{patient} ")


@pytest.mark.parametrize("patient", ["", "  ", "\0"])
def test_patient_without_an_id_is_refused(patient):
    for pseudonym in (NAMES.patient, NAMES.shift_days):
        with pytest.raises(InputError, match="PatientID is empty"):
            pseudonym(patient)


def test_short_key_is_refused():
    with pytest.raises(InputError, match="8 bytes make no secret key"):
        Pseudonyms(b"password")


def test_key_is_made_once_and_for_its_owner_alone_whatever_the_umask(tmp_path):
    path, before = tmp_path / "new" / "pseudonym.key", os.umask(0)
    key = load_key(path)
    os.umask(before)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path) == key


def test_key_made_by_many_at_once_is_one(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(load_key, [tmp_path / "pseudonym.key"] * 32))
    assert len(keys) == 1


@pytest.mark.parametrize("content", [b"", b"abc", b"zz" * 32, b"ab" * 31, b"\xff" * 64])
def test_file_that_holds_no_key_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "pseudonym.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match=r"pseudonym\.key: it .*no key of pseudonyms") as caught:
        load_key(path)
    assert path.read_bytes() == content
    assert "abab" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "pseudonym.key"
    load_key(path)
    path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        load_key(path)
