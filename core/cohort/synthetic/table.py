"""The sample cohort: one entry per case. Everything that decides a case stands here."""

from __future__ import annotations

from core.cohort.synthetic.records import Head, Lesion, SampleSpec, Scan
from core.errors import InputProblem

YOUNG, MIDDLE, OLD = Head(atrophy=0.15), Head(atrophy=0.4), Head(atrophy=0.85, caps=0.25)
FLAIR_VOLUME = Scan(pixels=160, slices=26, bottom_mm=-8.0, step_mm=3.4, pixel_mm=1.4, channels="flair")
FULL_VOLUME = Scan(pixels=160, slices=24, bottom_mm=-8.0, step_mm=3.6, pixel_mm=1.4)
STRIPPED_VOLUME = Scan(
    pixels=160, slices=28, bottom_mm=-8.0, step_mm=3.0, pixel_mm=1.3, channels="flair", stripped=True
)

CONSISTENT = "The mask should follow the lesion and no rule should fire."
NOTHING = "Nothing should be found; the rule for an empty prediction asks for a look."

ORDINARY: tuple[SampleSpec, ...] = (
    SampleSpec(
        "frontal-left", "Frontal lesion", "ordinary",
        "A diffuse bright lesion in the left frontal white matter.", CONSISTENT, 101,
        Scan(bottom_mm=24.0), MIDDLE, (Lesion((27.0, 34.0, 24.0), (17.0, 20.0, 16.0), brightness=0.7),),
    ),
    SampleSpec(
        "parietal-right", "Parietal lesion", "ordinary",
        "A bright lesion in the right parietal lobe, beside the ventricle.", CONSISTENT, 102,
        Scan(bottom_mm=28.0), MIDDLE, (Lesion((-30.0, -22.0, 28.0), (17.0, 22.0, 16.0), brightness=0.8),),
    ),
    SampleSpec(
        "insula-left", "Insular lesion", "ordinary",
        "A lesion of the left insula that pushes the deep nuclei inwards.", CONSISTENT, 103,
        Scan(bottom_mm=6.0), YOUNG, (Lesion((36.0, 10.0, 6.0), (15.0, 24.0, 15.0), push_mm=4.0),),
    ),
    SampleSpec(
        "enhancing-right", "Lesion that takes up contrast", "ordinary",
        "A lesion with an enhancing rim and swelling around it, right frontal.", CONSISTENT, 104,
        Scan(bottom_mm=30.0), MIDDLE,
        (Lesion((-26.0, 28.0, 30.0), (21.0, 24.0, 18.0), enhancing=0.45, push_mm=4.0),),
    ),
    SampleSpec(
        "occipital-left", "Occipital lesion", "ordinary",
        "A lesion behind the left ventricle that reaches the cortex.", CONSISTENT, 105,
        Scan(bottom_mm=14.0), MIDDLE, (Lesion((30.0, -45.0, 14.0), (17.0, 17.0, 14.0)),),
    ),
    SampleSpec(
        "high-parietal", "Lesion near the top of the head", "ordinary",
        "A lesion in the upper left hemisphere, above the ventricles.", CONSISTENT, 106,
        Scan(bottom_mm=44.0), MIDDLE, (Lesion((24.0, -6.0, 44.0), (15.0, 21.0, 14.0), brightness=0.65),),
    ),
    SampleSpec(
        "flair-only", "FLAIR alone", "ordinary",
        "A right frontal lesion of which only the FLAIR picture exists.", CONSISTENT, 107,
        Scan(bottom_mm=22.0, channels="flair"), MIDDLE,
        (Lesion((-28.0, 24.0, 22.0), (17.0, 21.0, 15.0)),),
    ),
    SampleSpec(
        "volume-frontal", "Volume, frontal lesion", "ordinary",
        "A FLAIR volume with a lesion of the left frontal lobe.", CONSISTENT, 111,
        FLAIR_VOLUME, MIDDLE, (Lesion((28.0, 28.0, 30.0), (19.0, 23.0, 19.0), brightness=0.8),),
    ),
    SampleSpec(
        "volume-parietal", "Volume, parietal lesion", "ordinary",
        "A volume of three sequences with an enhancing lesion on the right.", CONSISTENT, 1,
        FULL_VOLUME, MIDDLE,
        (Lesion((-29.0, -18.0, 28.0), (20.0, 24.0, 20.0), enhancing=0.4, push_mm=4.0),),
    ),
    SampleSpec(
        "volume-insula", "Volume, insular lesion", "ordinary",
        "A volume of three sequences with a lesion of the right insula.", CONSISTENT, 113,
        FULL_VOLUME, YOUNG, (Lesion((-35.0, 8.0, 20.0), (16.0, 25.0, 20.0), push_mm=4.0),),
    ),
    SampleSpec(
        "volume-stripped", "Volume without the skull", "ordinary",
        "A FLAIR volume from which the skull was removed, as many research sets have it.", CONSISTENT, 114,
        STRIPPED_VOLUME, MIDDLE, (Lesion((30.0, -14.0, 26.0), (19.0, 23.0, 19.0), brightness=0.8),),
    ),
)  # fmt: skip

NO_LESION: tuple[SampleSpec, ...] = (
    SampleSpec(
        "healthy-young", "No lesion, young", "no lesion",
        "A young brain with narrow ventricles and sulci.", NOTHING, 201, Scan(bottom_mm=20.0), YOUNG,
    ),
    SampleSpec(
        "healthy-old", "No lesion, old", "no lesion",
        "An old brain with wide ventricles and sulci and faint caps around the ventricles.", NOTHING, 202,
        Scan(bottom_mm=20.0), OLD,
    ),
    SampleSpec(
        "healthy-vertex", "No lesion, top of the head", "no lesion",
        "A slice above the ventricles without a lesion.", NOTHING, 203, Scan(bottom_mm=48.0), MIDDLE,
    ),
    SampleSpec(
        "volume-healthy", "Volume without a lesion", "no lesion",
        "A FLAIR volume without a lesion.", NOTHING, 211, FLAIR_VOLUME, YOUNG,
    ),
    SampleSpec(
        "volume-healthy-old", "Volume without a lesion, old", "no lesion",
        "A volume of three sequences of an old brain without a lesion.", NOTHING, 212, FULL_VOLUME, OLD,
    ),
)  # fmt: skip

HARD: tuple[SampleSpec, ...] = (
    SampleSpec(
        "huge", "Very large lesion", "hard",
        "Bright tissue in most of one hemisphere.", "Area larger than in the training references.", 301,
        Scan(bottom_mm=26.0, pixel_mm=0.8), YOUNG,
        (Lesion((28.0, 4.0, 26.0), (36.0, 72.0, 34.0), follow_white=0.15, push_mm=5.0),),
    ),
    SampleSpec(
        "both-hemispheres", "Lesion of both hemispheres", "hard",
        "Bright tissue in most of one hemisphere and in the front of the other.",
        "Parts of the lesion missed, and the mask in pieces.", 313, Scan(bottom_mm=26.0), YOUNG,
        (
            Lesion((28.0, 4.0, 26.0), (36.0, 72.0, 34.0), follow_white=0.15, push_mm=5.0),
            Lesion((-22.0, 40.0, 26.0), (26.0, 24.0, 20.0), follow_white=0.15, push_mm=0.0),
        ),
    ),
    SampleSpec(
        "butterfly", "Lesion across the midline", "hard",
        "A lesion that crosses from one hemisphere to the other through the corpus callosum.",
        "The mask spreads to places that the lesion does not reach.", 302, Scan(bottom_mm=26.0), MIDDLE,
        (Lesion((0.0, 30.0, 24.0), (48.0, 12.0, 13.0), follow_white=0.3, push_mm=1.0),),
    ),
    SampleSpec(
        "thin-curved", "Thin curved lesion", "hard",
        "A narrow bright band that follows the cortex of the right hemisphere.",
        "Outline ragged or thin.", 303, Scan(bottom_mm=26.0), MIDDLE,
        (
            Lesion(
                (-42.0, -4.0, 26.0), (3.0, 62.0, 14.0), roughness=0.2, softness=1.0, brightness=1.4,
                follow_white=0.0, push_mm=0.0, bend_mm=40.0,
            ),
        ),
    ),
    SampleSpec(
        "cystic", "Cyst with a thin wall", "hard",
        "A large cyst whose wall alone is bright; the reference includes the fluid.",
        "A ring instead of a filled lesion.", 304, Scan(bottom_mm=28.0), MIDDLE,
        (
            Lesion(
                (28.0, -10.0, 28.0), (21.0, 25.0, 20.0), roughness=0.15, cyst=0.78, softness=2.0,
                brightness=1.2, enhancing=0.16, push_mm=5.0,
            ),
        ),
    ),
    SampleSpec(
        "multifocal", "Several separate lesions", "hard",
        "Five separate bright lesions on one slice.", "More blobs than in the training references.", 305,
        Scan(bottom_mm=28.0), MIDDLE,
        tuple(
            Lesion((x, y, 28.0), (9.5, 10.5, 10.0), roughness=0.2, softness=2.0, brightness=1.25, push_mm=0.5)
            for x, y in ((-30.0, 30.0), (-34.0, -20.0), (30.0, 36.0), (36.0, 0.0), (28.0, -38.0))
        ),
    ),
    SampleSpec(
        "white-matter-spots", "Bright spots that are no tumour", "hard",
        "Many small white-matter spots of an old brain; there is no tumour.",
        "False findings, scattered or very small.", 306, Scan(bottom_mm=28.0),
        Head(atrophy=0.8, caps=0.8, spots=1.3, spot_mm=4.5),
    ),
    SampleSpec(
        "caps", "Bright rims around the ventricles", "hard",
        "Wide bright caps around the ventricles of an old brain; there is no tumour.",
        "False findings along the ventricles.", 307, Scan(bottom_mm=22.0), Head(atrophy=0.9, caps=2.2),
    ),
    SampleSpec(
        "faint", "Lesion that is hardly brighter", "hard",
        "A lesion that is only slightly brighter than the tissue around it.", "Missed: nothing found.", 308,
        Scan(bottom_mm=26.0, noise=0.05), MIDDLE,
        (Lesion((-28.0, 20.0, 26.0), (16.0, 19.0, 15.0), brightness=0.12, push_mm=0.0),),
    ),
    SampleSpec(
        "tiny", "Very small lesion", "hard",
        "A lesion of a few millimetres in the left parietal white matter.",
        "Missed, or an area smaller than in the training references.", 309, Scan(bottom_mm=30.0), YOUNG,
        (Lesion((27.0, -18.0, 30.0), (2.3, 2.3, 2.3), softness=1.5, brightness=1.5, push_mm=0.0),),
    ),
    SampleSpec(
        "noise", "Strong noise", "hard",
        "A frontal lesion in a scan with very strong noise.", "Small false blobs or a ragged outline.", 310,
        Scan(bottom_mm=24.0, noise=0.85), MIDDLE, (Lesion((26.0, 30.0, 24.0), (17.0, 21.0, 16.0)),),
    ),
    SampleSpec(
        "motion", "Head moved during the scan", "hard",
        "Ghosts of the bright scalp lie over the brain; there is a lesion on the right.",
        "False findings along the ghosts.", 311, Scan(bottom_mm=26.0, motion=30.0, fat=1.3), MIDDLE,
        (Lesion((-28.0, -16.0, 26.0), (16.0, 20.0, 15.0)),),
    ),
    SampleSpec(
        "shading", "Strong shading of the coil", "hard",
        "Brightness falls from one side of the head to the other; there is a lesion on the dark side.",
        "Bright normal tissue taken for lesion, the lesion missed.", 312, Scan(bottom_mm=26.0, bias=1.3),
        MIDDLE, (Lesion((28.0, -10.0, 26.0), (16.0, 20.0, 15.0)),),
    ),
    SampleSpec(
        "volume-satellite", "Volume with two lesions", "hard",
        "A FLAIR volume with a lesion below and a small second one near the top.",
        "Two stacks of slices, the second very small.", 321, FLAIR_VOLUME, MIDDLE,
        (
            Lesion((30.0, 4.0, 10.0), (17.0, 24.0, 13.0)),
            Lesion((-22.0, -14.0, 52.0), (8.0, 9.0, 7.0), softness=2.0, brightness=1.4, push_mm=0.0),
        ),
    ),
    SampleSpec(
        "volume-dropout", "Volume with lost slices", "hard",
        "A FLAIR volume in which the signal of single slices was lost within the lesion.",
        "Empty slices inside a lesion.", 322,
        Scan(
            pixels=160, slices=26, bottom_mm=-8.0, step_mm=3.4, pixel_mm=1.4, channels="flair",
            lost=(9, 12, 13),
        ),
        MIDDLE, (Lesion((-29.0, 8.0, 28.0), (21.0, 30.0, 25.0)),),
    ),
    SampleSpec(
        "volume-specks", "Volume with a large lesion and spots", "hard",
        "A FLAIR volume with a large lesion and white-matter spots that do not belong to it.",
        "Very small blobs beside the lesion.", 324, FLAIR_VOLUME,
        Head(atrophy=0.7, caps=0.5, spots=0.8, spot_mm=3.2),
        (Lesion((30.0, 2.0, 24.0), (26.0, 36.0, 24.0), push_mm=3.0),),
    ),
    SampleSpec(
        "volume-spots", "Volume with bright spots", "hard",
        "A FLAIR volume of an old brain with many white-matter spots; there is no tumour.",
        "False findings on several slices.", 323, FLAIR_VOLUME,
        Head(atrophy=0.8, caps=0.9, spots=0.9, spot_mm=3.4),
    ),
)  # fmt: skip

SAMPLES: tuple[SampleSpec, ...] = ORDINARY + NO_LESION + HARD


def sample_cases() -> tuple[SampleSpec, ...]:
    """The entries of the cohort, ordinary cases first; nothing is drawn yet."""
    return SAMPLES


def sample_spec(key: str) -> SampleSpec:
    """The entry with this key. Raises InputProblem that lists the known ones."""
    for spec in SAMPLES:
        if spec.key == key:
            return spec
    raise InputProblem(
        "There is no such sample case",
        found=repr(key),
        expected="one of " + ", ".join(spec.key for spec in SAMPLES),
        fix="choose a sample from the list",
    )
