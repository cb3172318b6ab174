"""The models of keras.applications, as data: nothing heavy is imported to list them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bottleneck.backbones.preprocessing import CAFFE, NONE, TENSORFLOW, TORCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One model of keras.applications."""

    module: str  # below keras.applications; has its preprocess_input
    function: str  # of keras.applications
    size: int  # default height and width, pixels
    preprocessing: str
    large: bool = False  # 32 images a batch in place of 64
    top: str = "predictions"  # the layer that gives the probabilities of ImageNet's classes
    imagenet_differs: bool = False  # Keras builds another graph around ImageNet's weights


def _family(
    module: str,
    preprocessing: str,
    sizes: Mapping[str, int],
    large: tuple[str, ...] = (),
    top: Callable[[str], str] = lambda _: "predictions",
    *,
    imagenet_differs: bool = False,
) -> dict[str, Application]:
    return {
        function.lower(): Application(
            module=module,
            function=function,
            size=size,
            preprocessing=preprocessing,
            large=function in large,
            top=top(function),
            imagenet_differs=imagenet_differs,
        )
        for function, size in sizes.items()
    }


_CONVNEXT = ("Tiny", "Small", "Base", "Large", "XLarge")
_B_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)
_V2_SIZES = {"B0": 224, "B1": 240, "B2": 260, "B3": 300, "S": 384, "M": 480, "L": 480}

APPLICATIONS: Mapping[str, Application] = MappingProxyType(
    {
        **_family(
            "convnext",
            NONE,
            {f"ConvNeXt{name}": 224 for name in _CONVNEXT},
            ("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"),
            lambda function: f"convnext_{function.removeprefix('ConvNeXt').lower()}_head_dense",
        ),
        **_family("densenet", TORCH, {f"DenseNet{n}": 224 for n in (121, 169, 201)}),
        **_family(
            "efficientnet",
            NONE,
            {f"EfficientNetB{i}": size for i, size in enumerate(_B_SIZES)},
            tuple(f"EfficientNetB{i}" for i in (4, 5, 6, 7)),
            imagenet_differs=True,
        ),
        **_family(
            "efficientnet_v2",
            NONE,
            {f"EfficientNetV2{name}": size for name, size in _V2_SIZES.items()},
            ("EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L"),
        ),
        **_family("inception_resnet_v2", TENSORFLOW, {"InceptionResNetV2": 299}),
        **_family("inception_v3", TENSORFLOW, {"InceptionV3": 299}),
        **_family("mobilenet", TENSORFLOW, {"MobileNet": 224}),
        **_family("mobilenet_v2", TENSORFLOW, {"MobileNetV2": 224}),
        **_family("mobilenet_v3", NONE, {"MobileNetV3Small": 224, "MobileNetV3Large": 224}),
        **_family(
            "nasnet", TENSORFLOW, {"NASNetMobile": 224, "NASNetLarge": 331}, ("NASNetLarge",)
        ),
        **_family("resnet", CAFFE, {f"ResNet{n}": 224 for n in (50, 101, 152)}),
        **_family("resnet_v2", TENSORFLOW, {f"ResNet{n}V2": 224 for n in (50, 101, 152)}),
        **_family("vgg16", CAFFE, {"VGG16": 224}, ("VGG16",)),
        **_family("vgg19", CAFFE, {"VGG19": 224}, ("VGG19",)),
        **_family("xception", TENSORFLOW, {"Xception": 299}),
    }
)
