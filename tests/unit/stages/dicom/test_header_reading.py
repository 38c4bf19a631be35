"""Tests of header reading: numbers, words of closed lists, and pseudonyms, and the status of other files."""

import gzip
import shutil

import numpy as np
import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from ctpop.contracts import dicom_codes
from ctpop.stages.dicom import contrast_agent, vocabulary
from ctpop.stages.dicom.header_identity import UIDS
from ctpop.stages.dicom.header_reading import pixels_of, read_facts
from ctpop.stages.dicom.pseudonyms import Pseudonyms
from support import dicom_files
from support.real_data import DICOM

NAMES = Pseudonyms(bytes(range(32)))
SYNTAXES = [
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    *dicom_files.ENCODERS,
]


def image(folder, **elements):
    return dicom_files.write_series(folder, 1, **elements)[0]


def facts(folder, **elements):
    found = read_facts(image(folder, **elements), NAMES)
    assert found.status == "ct_image"
    return found


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_images_of_all_transfer_syntaxes_are_read(tmp_path, syntax):
    found = facts(tmp_path, syntax=syntax)

    assert (found.rows, found.columns, found.edges) == (24, 20, [1.25, 1.5])
    assert found.positions == [[-12, -18, 40]]
    assert found.syntax == syntax.name
    assert (found.hu_lowest, found.hu_highest) == (-1024, 64511)


@pytest.mark.parametrize(
    ("age", "size", "weight", "expected"),
    [
        ("060Y", "0.7", "1", (None, None)),
        ("060Y", "1.0", "20", (100, 20)),
        ("002Y", "0.7", "9", (70, 9)),
        ("060Y", "2.5", "450", (None, None)),
        ("", "0.7", "9", (70, 9)),
    ],
)
def test_heights_and_weights_that_are_impossible_at_an_age_are_missing(tmp_path, age, size, weight, expected):
    found = facts(tmp_path, PatientAge=age, PatientBirthDate="", PatientSize=size, PatientWeight=weight)

    assert (found.height_cm, found.weight_kg) == expected


def test_header_facts_are_numbers_words_and_pseudonyms(tmp_path):
    found = facts(tmp_path, PatientSize="1.755", PatientWeight="80.5", BodyPartExamined="ABDOMEN")

    assert found.patient == NAMES.digest("patient", "P1", "")
    assert (found.age_years, found.age_source, found.age_reason) == (60, "patient_age", "ok")
    assert (found.sex, found.height_cm, found.weight_kg) == ("female", 175.5, 80.5)
    assert (found.kvp, found.kernel, found.kernel_class) == (120, "B30f", "soft")
    assert (found.manufacturer, found.scanner, found.body_part) == ("siemens", "Sensation 64", "ABDOMEN")
    assert (found.kind, found.patient_position, found.year, found.second) == ("original", "HFS", 2014, 36672)


def test_missing_elements_remain_missing(tmp_path):
    left_out = dict.fromkeys(
        ("PatientAge", "PatientSex", "KVP", "ConvolutionKernel", "Manufacturer", "ManufacturerModelName", "StudyDate")
    )

    found = facts(tmp_path, RescaleSlope=None, **left_out)

    assert (found.age_years, found.age_source, found.age_reason) == (None, None, "empty")
    assert (found.sex, found.kvp, found.kernel, found.kernel_class) == (None, None, None, None)
    assert (found.manufacturer, found.scanner, found.day, found.year) == (None, None, None, None)
    assert (found.slope, found.hu_lowest) == (None, None)


@pytest.mark.parametrize(
    ("element", "text", "name", "expected"),
    [
        ("KVP", "abc", "kvp", None),
        ("KVP", "1234567", "kvp", None),
        ("PatientSize", "170", "height_cm", None),
        ("PatientWeight", "0", "weight_kg", None),
        ("SliceThickness", "nan", "thickness_mm", None),
        ("ImageOrientationPatient", "1\\0\\0", "orientation", []),
        ("PixelSpacing", "0.7", "edges", []),
        ("PatientSex", "O", "sex", None),
        ("PatientSex", "Jane Doe", "sex", None),
        ("ConvolutionKernel", "Doe^Jane", "kernel", "other"),
        ("Manufacturer", "Doe Ltd", "manufacturer", "other"),
        ("ManufacturerModelName", "Jane's scanner", "scanner", "other"),
        ("BodyPartExamined", "JANE", "body_part", "other"),
        ("PatientPosition", "JANE", "patient_position", None),
        ("RescaleType", "MGML", "slope", None),
        ("RescaleSlope", "0", "slope", None),
    ],
)
def test_unrecognized_texts_are_not_passed_on(tmp_path, element, text, name, expected):
    dataset = dicom_files.header()
    dataset.add_new(element, "LO", text)
    path = dicom_files.write_image(tmp_path / "a", dataset, (0, 0, 0), dicom_files.hounsfield(1)[0])

    assert getattr(read_facts(path, NAMES), name) == expected


@pytest.mark.parametrize(
    ("elements", "given", "reason"),
    [
        ({}, None, "not_recorded"),
        ({"ContrastBolusAgent": "Ultravist 370"}, True, "agent"),
        ({"ContrastBolusAgent": "NONE"}, False, "agent_says_none"),
        ({"ContrastBolusAgent": "ohne"}, False, "agent_says_none"),
        ({"ContrastBolusAgent": "Telebrix", "ContrastBolusRoute": "ORAL"}, False, "oral_only"),
        ({"ContrastBolusAgent": "oral"}, False, "oral_only"),
        ({"ContrastBolusAgent": "OHNE KM"}, False, "agent_says_none"),
        ({"ContrastBolusAgent": "sin contraste"}, False, "agent_says_none"),
        ({"ContrastBolusAgent": "WATER"}, False, "oral_only"),
        ({"ContrastBolusAgent": "H2O", "ContrastBolusVolume": "800"}, False, "oral_only"),
        ({"ContrastBolusAgent": "XYZ"}, None, "agent_unknown"),
        ({"ContrastBolusAgent": "XYZ", "ContrastBolusVolume": "80"}, None, "agent_unknown"),
        ({"ContrastBolusAgent": "XYZ", "ContrastBolusVolume": "80", "ContrastBolusRoute": "IV"}, True, "bolus"),
        ({"ContrastBolusAgent": "Omnipaque", "ContrastBolusRoute": "INTRATHECAL"}, False, "other_route"),
        ({"ContrastBolusAgent": "Omnipaque", "ContrastBolusRoute": "Intra-thecal injection"}, False, "other_route"),
        ({"ContrastBolusAgent": "Omnipaque", "ContrastBolusRoute": "Oral and rectal"}, False, "oral_only"),
        ({"ContrastBolusAgent": "Omnipaque", "ContrastBolusRoute": "rektal"}, False, "oral_only"),
        ({"ContrastBolusAgent": "Omnipaque", "ContrastBolusRoute": "ORAL & IV"}, True, "agent"),
        ({"ContrastBolusAgent": "Omnipaque", "ContrastBolusRoute": "none"}, None, "agent_unknown"),
        ({"ContrastBolusAgent": "WATER", "ContrastBolusRoute": "oral, i.v."}, None, "agent_unknown"),
        (
            {"ContrastBolusAgent": "Saline", "ContrastBolusVolume": "50", "ContrastBolusRoute": "IV"},
            None,
            "agent_unknown",
        ),
        ({"ContrastBolusAgent": "Ultravist", "ContrastBolusRoute": "INTRA-ARTERIAL"}, None, "agent_unknown"),
        ({"ContrastBolusVolume": "50", "ContrastBolusRoute": "intraarterial"}, None, "agent_unknown"),
        ({"ContrastBolusRoute": "none"}, None, "not_recorded"),
        ({"ContrastBolusAgent": "Ultravist", "SeriesDescription": "Abdomen nativ"}, True, "description_differs"),
        ({"ContrastBolusAgent": "ohne", "SeriesDescription": "Abdomen portal"}, False, "description_differs"),
        ({"ContrastBolusAgent": "Ultravist", "SeriesDescription": "Abdomen w/o and w"}, True, "agent"),
        (
            {"ContrastBolusAgent": "XYZ", "ContrastBolusVolume": "80", "ContrastBolusRoute": "Peripheral vein"},
            True,
            "bolus",
        ),
        ({"ContrastBolusAgent": "n/a"}, None, "not_recorded"),
        ({"ContrastBolusAgent": "no omnipaque"}, None, "agent_unknown"),
        ({"ContrastBolusVolume": "100"}, True, "bolus"),
        ({"ContrastBolusVolume": "0"}, None, "not_recorded"),
        ({"ContrastBolusStartTime": "101500"}, True, "bolus"),
    ],
)
def test_contrast_is_derived_from_contrast_elements(tmp_path, elements, given, reason):
    found = facts(tmp_path, **elements)

    assert (found.contrast, found.contrast_reason) == (given, reason)
    assert reason in dicom_codes.CONTRAST_REASONS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            (text, "agent")
            for text in ("IV", "i.v.", "KM i.v.", "C+", "non-ionic", "NON IONIC CONTRAST", "Visipaque™ 320")
        ),
        *((text, "agent") for text in ("IOPAMIRO370", "OMNIPAQUE 300 mg/ml", "oral + iv", "Iomeron 350 + Wasser")),
        *(
            (text, "none")
            for text in ("w/o contrast", "Kein KM", "no iv contrast", "NATIV", "o. KM", "S/ CONTRASTE", "KM 0 ml")
        ),
        *((text, "empty") for text in ("-", "n/a", "Unknown", "REMOVED")),
        *((text, "agent") for text in ("YES", "Intravenously", "mdc e.v.")),
        *(
            (text, "unknown")
            for text in ("Ultravist nicht gegeben", "KM-Allergie", "contrast refused", "Ultravist 0 ml")
        ),
        *((text, "unknown") for text in ("pre contrast", "nativ + KM", "KM?", "KM: -", "Contrast: N", "not recorded")),
        *((text, "unknown") for text in ("w/o oral", "no oral, IV contrast", "Omnipaque intrathecal", "Isovue-M 200")),
        *((text, "enteral") for text in ("orales KM", "KM rektal", "per rectum")),
        *((text, "enteral") for text in ("Gastrografin", "oral", "barium", "Wasser")),
        *((text, "flush") for text in ("Saline", "NaCl 50 ml", "Saline IV")),
        *((text, "agent") for text in ("NaCl + Ultravist 370", "contrast, saline flush", "mit KM", "Jopromid 300")),
        *((text, "none") for text in ("contrast: 0", "KM 0", "without contrast")),
        *((text, "unknown") for text in ("with and without", "W/WO", "mit und ohne KM", "avec et sans injection")),
        *((text, "unknown") for text in ("-KM", "KM +/-", "planned: Ultravist", "Iomeron intraarteriell", "Gadovist")),
        *((text, "unknown") for text in ("Omnipaque/oral", "see report", "no omnipaque", "kein Wasser")),
        *((text, "none") for text in ("w/out contrast", "W/OUT", "w/out iv contrast", "s/contraste")),
        *((text, "unknown") for text in ("w/out Omnipaque", "s/c")),
        *((text, "flush") for text in ("NaCl bolus 40 ml", "Bolus NaCl", "saline given", "yes, saline")),
        *((text, "flush") for text in ("saline applied", "sodium chloride bolus", "NaCl i.v. gegeben")),
        *((text, "enteral") for text in ("water bolus", "barium given", "Wasser ja")),
        *((text, "agent") for text in ("bolus 80 ml", "given", "Ja", "KM-Bolus + NaCl", "Ultravist bolus, NaCl")),
        *((text, "empty") for text in ("", "  ")),
    ],
)
def test_agents_are_classified_by_words(text, kind):
    assert vocabulary.agent_kind(text) == kind


def test_every_word_of_the_vocabulary_is_a_text():
    listed = vocabulary.vocabulary()
    lists = [words for words in listed.values() if isinstance(words, list)]
    lists += [words for maps in listed.values() if isinstance(maps, dict) for words in maps.values()]

    assert [word for words in lists for word in words if not isinstance(word, str)] == []


def test_every_contrast_element_is_read():
    assert contrast_agent.contrast_of(dict.fromkeys(contrast_agent.TAGS, "")).given is None


@pytest.mark.parametrize(
    ("description", "hint"),
    [
        ("Abdomen nativ 5.0", False),
        ("Thorax w/o contrast", False),
        ("ABD PORTAL VENOUS 1.5 B30f", True),
        ("Abdomen_KM_1mm", True),
        ("non-contrast chest", False),
        ("Thorax 1.0", None),
        ("Kemnativer", None),
        ("Abdomen w/o and with contrast", None),
        ("Leber nativ portal", None),
        ("Leber nativ KM", False),
        *(
            (text, False)
            for text in ("CHEST W/O CON", "NON CON", "NON-CON HEAD", "ABD/PEL WO CON", "W/O IV CON", "HEAD WO")
        ),
        *(
            (text, False)
            for text in ("Chest no contrast", "WO/CON", "w/out contrast", "TORAX SIN CONTRASTE", "senza mdc")
        ),
        *((text, False) for text in ("Lung w/ MIP w/o con", "CHEST WITH RECON WO CON", "NON-GATED W/O CON")),
        *((text, None) for text in ("CHEST WITH RECON", "Lung w/ MIP", "With Arms Up", "Thorax mit Lunge", "CHEST W")),
        *((text, None) for text in ("Abd W ORAL", "W ORAL CON", "W/O ORAL CON", "NON-GATED CHEST", "Hip sin")),
        *((text, None) for text in ("W/WO CON", "W WO CONTRAST", "WO/W", "w/o and w", "with & without", "W/W/O")),
        *(
            (text, None)
            for text in (
                "nativ und mit KM",
                "w and w/o oral",
                "mit und ohne KM",
                "con y sin contraste",
                "WO CON AND WITH CON",
            )
        ),
        *((text, True) for text in ("CHEST W/CON", "CHEST W CON", "ABD W IV CON", "TORAX CON CONTRASTE", "mit KM")),
        *((text, True) for text in ("ABD W ORAL AND IV CON", "Abd W ORAL PORTAL", "non-ionic contrast")),
    ],
)
def test_descriptions_provide_only_a_hint(tmp_path, description, hint):
    found = facts(tmp_path, SeriesDescription=description)

    assert found.contrast_hint == hint
    assert found.contrast is None


@pytest.mark.parametrize(
    ("series", "protocol", "hint"),
    [
        ("Abdomen nativ", "Abdomen KM", False),
        ("CHEST W/O CON", "CHEST W CON", None),
        ("CHEST WO", "CHEST", False),
        ("Chest con", "w/o", False),
        ("Thorax", "Thorax portal", True),
    ],
)
def test_series_and_protocol_descriptions_form_one_hint(tmp_path, series, protocol, hint):
    assert facts(tmp_path, SeriesDescription=series, ProtocolName=protocol).contrast_hint == hint


@pytest.mark.parametrize(
    ("agent", "description", "given", "reason"),
    [
        ("OMNIPAQUE", "CHEST W/O CON", True, "description_differs"),
        ("NONE", "CHEST WITH RECON", False, "agent_says_none"),
        ("NONE", "Abd W ORAL", False, "agent_says_none"),
        ("NaCl bolus 40 ml", "CHEST", None, "agent_unknown"),
    ],
)
def test_a_contradictory_description_changes_only_the_reason(tmp_path, agent, description, given, reason):
    found = facts(tmp_path, ContrastBolusAgent=agent, SeriesDescription=description)

    assert (found.contrast, found.contrast_reason) == (given, reason)


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        *[(name, "soft") for name in ("B30f", "B20s", "Br40d", "I30f", "STANDARD", "SOFT", "FC08", "FC18", "B", "YA")],
        *[
            (name, "sharp")
            for name in ("B70f", "B60s", "Bl57d", "I70f", "LUNG", "BONE", "BONEPLUS", "FC51", "FC81", "YC")
        ],
    ],
)
def test_known_kernels_are_soft_or_sharp(kernel, kind):
    assert vocabulary.kernel_of(kernel) == (kernel, kind)


@pytest.mark.parametrize(
    ("image_type", "kind"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL"], "original"),
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], "localizer"),
        (["DERIVED", "SECONDARY", "MPR"], "derived"),
        (["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"], "original"),
        (["ORIGINAL", "SECONDARY"], "derived"),
        (["ORIGINAL", "PRIMARY", "AXIAL", "SUBTRACTION"], "derived"),
        (["ORIGINAL", "PRIMARY", "VOLUME", "VMI"], "monoenergetic"),
        (["ORIGINAL", "PRIMARY", "AXIAL", "VMI", "70KEV"], "monoenergetic"),
        (["ORIGINAL", "PRIMARY", "AXIAL", "VMI", "MONO_040_KEV"], "derived"),
        (["DERIVED", "PRIMARY", "AXIAL", "VMI"], "derived"),
        (["MIXED", "PRIMARY", "VOLUME", "NONE"], "derived"),
        (["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "original"),
        ([], "original"),
    ],
)
def test_image_type_identifies_localizers_and_derived_images(image_type, kind):
    assert vocabulary.kind_of(image_type) == kind


@pytest.mark.parametrize(
    "patient_id",
    [
        *("", "ANON", "anonymous", "0", "Unknown", "0000000", "XXXXXXX", "-", "N.N.", "NO ID", "Anonymous Patient"),
        *("anonymized_patient", "PATIENT", "unbekannt", "0-0", "de-identified", "Anonymous^^"),
        *("n/a", "N.A.", "n. n.", "XXX", "xx", "xxx^xxx", "DEIDENTIFIED", "no_id", "NO PATIENT ID", "Patient ID"),
        *("ID unknown", "Test Patient", "no name", "de identified patient", "None", "NULL"),
    ],
)
def test_a_placeholder_patient_id_makes_each_examination_a_patient(tmp_path, patient_id):
    one = facts(tmp_path / "1", patient=patient_id, study="1")
    other = facts(tmp_path / "2", patient=patient_id, study="2")

    assert one.patient_source == "examination"
    assert one.patient != other.patient


@pytest.mark.parametrize(
    "patient_id",
    [
        *("ANON01", "Patient 7", "10000", "x1", "Max", "no-17", "A0"),
        *("A", "B", "N", "X", "NA", "NO", "DE", "ID", "Patient A", "Patient B", "patient_n", "Test A", "A.N.", "x.n."),
        *("Anon X", "A_N", "no", "Pat. N", "XA", "AX", "no_a", "identified 1"),
    ],
)
def test_short_words_and_numbers_are_valid_patient_ids(tmp_path, patient_id):
    assert facts(tmp_path, patient=patient_id).patient_source == "patient_id"


def in_frames(path, sequence, **elements):
    """Move a functional group of an enhanced image to its frames, change it in one frame, and read the file."""
    dataset = dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    common = shared[sequence].value[0] if sequence in shared else Dataset()
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        item = Dataset()
        item.update(common)
        for name, value in elements.items() if number == 3 else ():
            setattr(item, name, value)
        setattr(frame, sequence, [item])
    if sequence in shared:
        delattr(shared, sequence)
    dataset.save_as(path)
    return read_facts(path, NAMES)


def test_functional_groups_per_frame_are_read(tmp_path):
    path = dicom_files.write_enhanced(tmp_path / "enhanced")
    before = read_facts(path, NAMES)

    found = in_frames(path, "PixelValueTransformationSequence")

    assert (found.slope, found.intercept, found.positions) == (1, -1024, before.positions)
    assert in_frames(path, "PixelMeasuresSequence").edges == before.edges


@pytest.mark.parametrize(
    "elements",
    [{"RescaleIntercept": "-1000"}, {"RescaleSlope": "2"}, {"RescaleIntercept": ""}, {"RescaleType": "MGML"}],
)
def test_frames_with_different_scales_have_no_hu(tmp_path, elements):
    path = dicom_files.write_enhanced(tmp_path / "enhanced")

    found = in_frames(path, "PixelValueTransformationSequence", **elements)

    assert (found.slope, found.intercept, found.hu_lowest) == (None, None, None)


@pytest.mark.parametrize("elements", [{"BitsStored": 12}, {"HighBit": 11}, {"SamplesPerPixel": 3}])
def test_shifted_bits_and_color_images_have_no_hu(tmp_path, elements):
    path = image(tmp_path)
    dicom_files.rewritten([path], PixelData=bytes(24 * 20 * 6), **elements)

    assert read_facts(path, NAMES).slope is None


@pytest.mark.parametrize(
    ("sex", "found"),
    [
        *((sex, "female") for sex in ("W", "f", "WEIBLICH", "Frau", "FEMME", "MUJER")),
        *((sex, "male") for sex in ("Male", "M", "MÄNNLICH", "MAENNLICH", "MANN", "HOMME", "HOMBRE")),
        *((sex, None) for sex in ("O", "", "1", "U")),
    ],
)
def test_words_for_sex_are_recognized(tmp_path, sex, found):
    assert facts(tmp_path, PatientSex=sex).sex == found


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_words_for_sex_are_read_in_both_encodings(tmp_path, encoding):
    word = "MÄNNLICH".encode(encoding).ljust(10)
    path = image(tmp_path, PatientSex="Q" * len(word), SpecificCharacterSet="ISO_IR 192")
    path.write_bytes(path.read_bytes().replace(b"Q" * len(word), word))

    assert read_facts(path, NAMES).sex == "male"


def test_frames_with_different_spacings_have_no_geometry(tmp_path):
    path = dicom_files.write_enhanced(tmp_path / "enhanced")

    assert in_frames(path, "PixelMeasuresSequence", PixelSpacing=[1, 1]).positions == []


@pytest.mark.parametrize(
    ("description", "kind"), [("Abdomen 70 keV", "monoenergetic"), ("Abd_40keV", "derived"), ("Abd 140keV", "derived")]
)
def test_the_energy_in_the_description_is_evaluated(tmp_path, description, kind):
    image_type = ["ORIGINAL", "PRIMARY", "AXIAL", "VMI"]

    assert facts(tmp_path, ImageType=image_type, SeriesDescription=description).kind == kind


def test_an_enhanced_image_with_a_derived_frame_is_derived(tmp_path):
    path = dicom_files.write_enhanced(tmp_path / "enhanced")

    assert read_facts(path, NAMES).kind == "original"
    assert in_frames(path, "CTImageFrameTypeSequence", FrameType=["DERIVED", "PRIMARY"]).kind == "derived"


@pytest.mark.parametrize("packed", [b"PK\x03\x04", gzip.compress(b"DICM")], ids=["zip", "gzip"])
def test_an_archive_is_recognized(tmp_path, packed):
    (tmp_path / "images").write_bytes(packed * 99)

    assert read_facts(tmp_path / "images", NAMES).status == "archive"
    assert "archive" in dicom_codes.FILE_STATUS


def test_an_enhanced_image_has_a_position_for_every_frame(tmp_path):
    found = read_facts(dicom_files.write_enhanced(tmp_path / "a", 5), NAMES)

    assert found.status == "ct_image"
    assert [place[2] for place in found.positions] == [40, 42, 44, 46, 48]
    assert (found.thickness_mm, found.edges, found.kvp, found.slope) == (2, [1.25, 1.5], 120, 1)


def test_an_image_without_position_keeps_its_other_facts(tmp_path):
    path = dicom_files.write_image(tmp_path / "a", dicom_files.header(), None, dicom_files.hounsfield(1)[0])

    found = read_facts(path, NAMES)

    assert (found.status, found.positions, found.age_years) == ("ct_image", [], 60)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_truncated_image_is_never_complete(tmp_path, syntax):
    whole = image(tmp_path / "whole", syntax=syntax).read_bytes()
    path = tmp_path / "short"

    found = {}
    for size in range(len(whole) - 2, len(whole) - 400, -21):  # the last byte of a deflated file can be padding
        path.write_bytes(whole[:size])
        found[size] = read_facts(path, NAMES).status

    assert set(found.values()) <= {"truncated", "unreadable"}


def test_a_file_without_preamble_is_read(tmp_path):
    path = image(tmp_path, syntax=uid.ImplicitVRLittleEndian)
    whole = path.read_bytes()
    length = int.from_bytes(whole[140:144], "little")
    path.write_bytes(whole[144 + length :])

    assert read_facts(path, NAMES).status == "ct_image"


def test_files_of_other_types_have_a_status(tmp_path):
    def status(**elements):
        return read_facts(image(tmp_path / str(len(elements)), **elements), NAMES).status

    assert status(Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4") == "not_ct"
    assert status(SOPClassUID="1.2.840.10008.5.1.4.1.1.7") == "no_ct_image"
    assert status(SeriesInstanceUID="", study="3", series="1") == "ct_image"


@pytest.mark.parametrize(
    ("elements", "lacks"),
    [
        ({}, []),
        ({"SeriesInstanceUID": ""}, ["series"]),
        ({"StudyInstanceUID": "ANONYMIZED", "SOPInstanceUID": "0.0.0"}, ["study", "image"]),
        ({"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3"}, list(UIDS)),
        ({"StudyInstanceUID": "NA", "SeriesInstanceUID": "X", "SOPInstanceUID": "No"}, list(UIDS)),
        ({"StudyInstanceUID": "", "SeriesInstanceUID": "", "SOPInstanceUID": ""}, list(UIDS)),
    ],
)
def test_pixels_replace_unusable_image_uids(tmp_path, elements, lacks):
    [path] = dicom_files.rewritten([image(tmp_path)], **elements)

    found = read_facts(path, NAMES)

    assert found.lacks == lacks
    assert bool(found.pixels) == ("image" in lacks) != bool(found.instance)
    assert found.pixels in ("", pixels_of(path, NAMES))


@pytest.mark.parametrize(
    "syntax", [one for one in SYNTAXES if one != uid.DeflatedExplicitVRLittleEndian], ids=lambda syntax: syntax.name
)
def test_the_pixel_digest_does_not_depend_on_the_header(tmp_path, syntax):
    one, other, third = (
        image(tmp_path / name, syntax=syntax, patient=name, hu=np.full((1, 24, 20), hu, np.int16))
        for name, hu in (("a", 40), ("b", 40), ("c", 41))
    )

    found = [pixels_of(path, NAMES) for path in (one, other, third)]

    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", "empty"), (b"x", "not_dicom"), (b"\0" * 500, "not_dicom"), (b"\0" * 128 + b"DICM", "unreadable")],
)
def test_files_in_other_formats_have_a_status(tmp_path, content, status):
    (tmp_path / "a").write_bytes(content)

    assert read_facts(tmp_path / "a", NAMES).status == status


def test_a_dicomdir_is_recognized(tmp_path):
    meta_class = "1.2.840.10008.1.3.10"
    path = dicom_files.save(
        tmp_path / "DICOMDIR",
        _with(dicom_files.header(SOPClassUID=meta_class, SOPInstanceUID="1.2.3")),
        np.zeros((1, 1)),
    )

    assert read_facts(path, NAMES).status == "dicomdir"


def _with(dataset):
    dataset.Rows = dataset.Columns = 1
    return dataset


def test_a_deleted_file_is_unreadable(tmp_path):
    assert read_facts(tmp_path / "gone", NAMES).status == "unreadable"


def test_a_real_series_is_read(tmp_path):
    shutil.copy(DICOM / "02.dcm", tmp_path / "x")

    found = read_facts(tmp_path / "x", NAMES)

    assert (found.age_years, found.sex, found.kernel, found.scanner) == (60, "male", "STANDARD", "LightSpeed Ultra")
    assert (found.thickness_mm, found.rows, found.syntax) == (1.25, 512, "Implicit VR Little Endian")
    assert read_facts(DICOM / "liver.dcm", NAMES).status == "not_ct"
