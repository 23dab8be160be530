"""The table of corruptions: suite `second-look-1`.

Levels come from public suites where one fits and are "ours" elsewhere; the same name never means the same
corruption across suites, so the suite is part of every key.
"""

from __future__ import annotations

from core.corruptions import ct, intensity, kspace, noise, optics, xray
from core.corruptions.moves import draw_direction
from core.corruptions.spec import CorruptionSpec, Parameter
from core.errors import SettingsProblem

SUITE = "second-look-1"

_RANGE = "of the range"
_CHEST_C = "ChestMNIST-C (MedMNIST-C)"
_PNEUMONIA_C = "PneumoniaMNIST-C (MedMNIST-C)"
_ROOD = "ROOD-MRI"
_PHOTONS = "at the top of the range"
_PX = "px at a side of 224"

CORRUPTIONS: tuple[CorruptionSpec, ...] = (
    CorruptionSpec(
        "gaussian_noise", "photographic", "Gaussian noise", "Electronic noise of a detector.",
        (Parameter("sigma", _RANGE, 0.0, (0.04, 0.08, 0.12, 0.18, 0.26)),), _CHEST_C,
        "Grain everywhere, on the background too.", noise.gaussian_noise, random=True,
    ),
    CorruptionSpec(
        "rician_noise", "photographic", "Rician noise",
        "Noise of a magnetic resonance image, whose magnitude is never negative.",
        (Parameter("sigma", "x standard deviation of the image", 0.0, (0.16, 0.32, 0.48, 0.64, 0.80)),),
        _ROOD, "Grain, and a background that is no longer black.", noise.rician_noise, random=True,
    ),
    CorruptionSpec(
        "shot_noise", "photographic", "Shot noise", "Too few photons: the brighter, the noisier.",
        (Parameter("1 / photons", _PHOTONS, 0.0, (1 / 60, 1 / 25, 1 / 18, 1 / 10, 1 / 5)),),
        _CHEST_C, "Grain in bright tissue, none on black.", noise.shot_noise, random=True,
        background_kept=True, cost="medium",
    ),
    CorruptionSpec(
        "impulse", "photographic", "Impulse noise", "Dead and saturated pixels, errors in transmission.",
        (Parameter("share", "of the pixels", 0.0, (0.01, 0.03, 0.06, 0.09, 0.17)),), _CHEST_C,
        "Single black and white dots.", noise.impulse, random=True,
    ),
    CorruptionSpec(
        "speckle", "photographic", "Speckle", "Noise in proportion to the signal, as in ultrasound.",
        (Parameter("sigma", "of each value", 0.0, (0.05, 0.10, 0.20, 0.30, 0.40)),),
        "OrganMNIST-C (MedMNIST-C)", "Grain in tissue, none on black.", noise.speckle, random=True,
        background_kept=True,
    ),
    CorruptionSpec(
        "gaussian_blur", "photographic", "Gaussian blur", "Resampling, smoothing, a soft kernel.",
        (Parameter("sigma", _PX, 0.0, (1, 2, 3, 4, 6)),), "ImageNet-C, held out by its authors",
        "Edges are soft.", optics.gaussian_blur,
    ),
    CorruptionSpec(
        "defocus_blur", "photographic", "Defocus",
        "A lens out of focus, as in microscopy and retina pictures.",
        (Parameter("radius", _PX, 0.0, (3, 4, 6, 8, 10)),),
        "ImageNet-C (radii; the edge of the disc is ours)", "Points become discs.", optics.defocus_blur,
    ),
    CorruptionSpec(
        "motion_blur", "photographic", "Motion blur", "The object or the camera moves during the exposure.",
        (Parameter("sigma", _PX, 0.0, (3, 5, 8, 12, 15)),),
        "ImageNet-C (sigmas; the fixed radius of 20 px is ours)", "Everything is smeared one way.",
        optics.motion_blur, draw=optics.draw_angle, random=True,
    ),
    CorruptionSpec(
        "jpeg", "photographic", "JPEG", "Lossy compression on the way into an archive.",
        (Parameter("quality", "", 100.0, (50, 30, 15, 10, 7)),), "MedMNIST-C",
        "Blocks of 8 x 8 pixels.", optics.jpeg, steps=True,
    ),
    CorruptionSpec(
        "pixelate", "photographic", "Pixelation", "A screenshot, or a picture stored too small.",
        (Parameter("scale", "", 1.0, (0.8, 0.7, 0.6, 0.5, 0.4)),),
        f"{_PNEUMONIA_C} (scales; means over cells are ours)",
        "Square cells.", optics.pixelate, steps=True,
    ),
    CorruptionSpec(
        "downsample", "photographic", "Down-sampling", "Acquired or stored at a lower resolution.",
        (Parameter("scale", "", 1.0, (0.6, 0.5, 0.4, 0.3, 0.25)),), "ImageNet-C (scales of pixelate)",
        "Fine detail is gone.", optics.downsample, steps=True,
    ),
    CorruptionSpec(
        "brightness", "photographic", "Brightness", "Another gain or offset, up or down.",
        (Parameter("shift", _RANGE, 0.0, (0.1, 0.2, 0.3, 0.4, 0.5)),), "ImageNet-C",
        "All tissue brighter, or all darker.", intensity.brightness, draw=intensity.draw_sign, random=True,
        background_kept=True,
    ),
    CorruptionSpec(
        "contrast", "photographic", "Contrast", "Tissues that look alike.",
        (Parameter("factor", "", 1.0, (0.4, 0.3, 0.2, 0.1, 0.05)),),
        "ImageNet-C (factors; the mean of tissue is ours)", "Tissue is nearly one grey.", intensity.contrast,
        background_kept=True,
    ),
    CorruptionSpec(
        "gamma_compress", "photographic", "Gamma below 1", "A display or export curve that lifts the dark.",
        (Parameter("gamma", "", 1.0, (0.86, 0.72, 0.58, 0.44, 0.30)),), _ROOD,
        "Dark tissue is lifted.", intensity.gamma, background_kept=True,
    ),
    CorruptionSpec(
        "gamma_expand", "photographic", "Gamma above 1", "A display or export curve that sinks the dark.",
        (Parameter("gamma", "", 1.0, (1.4, 1.8, 2.2, 2.6, 3.0)),), _ROOD,
        "Dark tissue sinks into black.", intensity.gamma, background_kept=True,
    ),
    CorruptionSpec(
        "bias_field", "mri", "Bias field", "Uneven sensitivity of the receiving coil.",
        (Parameter("coefficient", "", 0.0, (0.3, 0.6, 0.9, 1.2, 1.5)),), _ROOD,
        "One side bright, another dark.", kspace.bias_field, draw=kspace.draw_bias, random=True,
        background_kept=True,
    ),
    CorruptionSpec(
        "ghosting", "mri", "Ghosting", "Periodic motion: breathing, pulse.",
        (Parameter("intensity", "", 0.0, (0.2, 0.4, 0.6, 0.8, 1.0)),),
        "Zenk et al. 2025 (range, evenly spaced; 4 ghosts)",
        "Faint copies along one axis.", kspace.ghosting, draw=kspace.draw_axis, random=True,
    ),
    CorruptionSpec(
        "mri_motion", "mri", "Patient motion", "The head moves between the lines of k-space.",
        (
            Parameter("rotation", "degrees", 0.0, (1, 2, 3, 4, 5)),
            Parameter("shift", "mm", 0.0, (2, 4, 6, 8, 10)),
        ),
        f"{_ROOD} (sizes; 4 movements at drawn times are ours)",
        "Ripples along one axis.", kspace.mri_motion, draw=kspace.draw_motion, random=True, steps=True,
        cost="medium",
    ),
    CorruptionSpec(
        "gibbs", "mri", "Gibbs ringing", "Too few samples of k-space.",
        (Parameter("alpha", "", 0.0, (0.3, 0.4, 0.5, 0.6, 0.7)),), "ours, within MONAI's range",
        "Waves beside sharp edges.", kspace.gibbs,
    ),
    CorruptionSpec(
        "spike", "mri", "K-space spike", "An electric discharge during the acquisition.",
        (Parameter("intensity", "of the largest sample", 0.0, (0.15, 0.275, 0.4, 0.6, 0.8)),),
        "Zenk et al. 2025 (midpoints at 1, 3, 5)",
        "Stripes across the picture.", kspace.spike, draw=kspace.draw_spike, random=True,
    ),
    CorruptionSpec(
        "anisotropy", "mri", "Anisotropic resolution", "Thick slices, or a coarse phase direction.",
        (Parameter("factor", "", 1.0, (2.8, 4.6, 6.4, 8.2, 10.0)),), _ROOD,
        "Blurred along one axis; in a volume, from slice to slice.", kspace.anisotropy, draw=kspace.draw_axis,
        random=True, steps=True,
    ),
    CorruptionSpec(
        "underexposure", "x-ray", "Under-exposure", "Too low a dose: darker and noisier.",
        (
            Parameter("factor", "", 1.0, (0.9, 0.8, 0.7, 0.6, 0.5)),
            Parameter("1 / photons", _PHOTONS, 0.0, (1 / 300, 1 / 200, 1 / 150, 1 / 100, 1 / 80)),
        ),
        f"{_PNEUMONIA_C} (brightness down and shot noise, joined by us)",
        "A dark, grainy film.", xray.underexposure, random=True, background_kept=True, cost="medium",
    ),
    CorruptionSpec(
        "low_contrast", "x-ray", "Low contrast", "Scattered radiation.",
        (Parameter("factor", "", 1.0, (0.9, 0.8, 0.7, 0.6, 0.4)),), _PNEUMONIA_C,
        "A grey veil.", xray.low_contrast,
    ),
    CorruptionSpec(
        "grid_lines", "x-ray", "Grid lines", "The shadow of an anti-scatter grid that did not move.",
        (Parameter("depth", "", 0.0, (0.05, 0.10, 0.15, 0.20, 0.30)),), "ours, period 4 px at a side of 224",
        "Fine parallel lines.", xray.grid_lines, draw=kspace.draw_axis, random=True, background_kept=True,
    ),
    CorruptionSpec(
        "collimator", "x-ray", "Collimator edge", "The shutter covers the border.",
        (Parameter("margin", "of the side", 0.0, (0.03, 0.06, 0.09, 0.12, 0.15)),), "ours",
        "A dark frame.", xray.collimator, background_kept=True,
    ),
    CorruptionSpec(
        "text_marker", "x-ray", "Side marker", "A letter of lead beside the patient; tests for shortcuts.",
        (Parameter("opacity", "", 0.0, (0.2, 0.4, 0.6, 0.8, 1.0)),), "ours",
        "A white letter in a corner.", xray.text_marker, draw=xray.draw_marker, random=True,
    ),
    CorruptionSpec(
        "rotation", "geometric", "Rotation", "A tilted head, a crooked film.",
        (Parameter("angle", "degrees", 0.0, (6, 12, 18, 24, 30)),), _ROOD,
        "Turned; judged after turning the answer back.", None, draw=intensity.draw_sign, random=True,
        geometric=True,
    ),
    CorruptionSpec(
        "translation", "geometric", "Translation", "A patient off the centre.",
        (Parameter("shift", "mm", 0.0, (8, 16, 24, 32, 40)),), _ROOD,
        "Pushed aside; judged after pushing the answer back.", None, draw=draw_direction, random=True,
        geometric=True, steps=True,
    ),
    CorruptionSpec(
        "window_level", "ct", "Window level", "Exported with the window at another level.",
        (Parameter("shift", "HU", 0.0, (20, 40, 60, 80, 100)),), "ours",
        "All tissue brighter, or all darker.", ct.window_level, draw=intensity.draw_sign, random=True,
    ),
    CorruptionSpec(
        "window_width", "ct", "Window width", "Exported with too wide a window.",
        (Parameter("width", "x the right one", 1.0, (1.2, 1.4, 1.6, 1.8, 2.0)),), "ours",
        "Tissues look alike.", ct.window_width,
    ),
    CorruptionSpec(
        "fgsm", "adversarial", "Gradient sign",
        "Nothing in the world: the worst small change for this model, in one step.",
        (Parameter("bound", _RANGE, 0.0, (0.5 / 255, 1 / 255, 2 / 255, 4 / 255, 8 / 255)),),
        "Goodfellow et al. 2015, arXiv:1412.6572; bounds ours",
        "Looks the same to the eye.", None, random=False, cost="dear",
    ),
    CorruptionSpec(
        "pgd", "adversarial", "Projected gradient",
        "Nothing in the world: the worst small change for this model, in seven steps.",
        (Parameter("bound", _RANGE, 0.0, (0.5 / 255, 1 / 255, 2 / 255, 4 / 255, 8 / 255)),),
        "Madry et al. 2018, arXiv:1706.06083; bounds ours",
        "Looks the same to the eye.", None, random=True, cost="dear",
    ),
)  # fmt: skip

GROUPS = {
    "photographic": "Noise, blur, compression, brightness",
    "mri": "Magnetic resonance imaging",
    "x-ray": "Radiography",
    "geometric": "Position",
    "ct": "Computed tomography",
    "adversarial": "Worst case, not physics",
}
"""Groups in the order of the table, and how they are called on screen."""


def corruption_spec(key: str) -> CorruptionSpec:
    """The row with this key. Raises SettingsProblem that lists the known ones."""
    known = {spec.key: spec for spec in CORRUPTIONS}
    if key not in known:
        raise SettingsProblem(
            "There is no such corruption",
            found=repr(key),
            expected="one of " + ", ".join(known),
            fix="use one of these names",
        )
    return known[key]
