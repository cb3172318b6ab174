"""What Keras would say of each application if it were loaded: a test compares the two."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Facts:
    """Of an application without its classes."""

    features: int  # channels of its last layer
    weights_file: str  # of ImageNet's weights, in KERAS_HOME/models


FACTS: Mapping[str, Facts] = MappingProxyType(
    {
        "convnexttiny": Facts(768, "convnext_tiny_notop.h5"),
        "convnextsmall": Facts(768, "convnext_small_notop.h5"),
        "convnextbase": Facts(1024, "convnext_base_notop.h5"),
        "convnextlarge": Facts(1536, "convnext_large_notop.h5"),
        "convnextxlarge": Facts(2048, "convnext_xlarge_notop.h5"),
        "densenet121": Facts(1024, "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "densenet169": Facts(1664, "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "densenet201": Facts(1920, "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "efficientnetb0": Facts(1280, "efficientnetb0_notop.h5"),
        "efficientnetb1": Facts(1280, "efficientnetb1_notop.h5"),
        "efficientnetb2": Facts(1408, "efficientnetb2_notop.h5"),
        "efficientnetb3": Facts(1536, "efficientnetb3_notop.h5"),
        "efficientnetb4": Facts(1792, "efficientnetb4_notop.h5"),
        "efficientnetb5": Facts(2048, "efficientnetb5_notop.h5"),
        "efficientnetb6": Facts(2304, "efficientnetb6_notop.h5"),
        "efficientnetb7": Facts(2560, "efficientnetb7_notop.h5"),
        "efficientnetv2b0": Facts(1280, "efficientnetv2-b0_notop.h5"),
        "efficientnetv2b1": Facts(1280, "efficientnetv2-b1_notop.h5"),
        "efficientnetv2b2": Facts(1408, "efficientnetv2-b2_notop.h5"),
        "efficientnetv2b3": Facts(1536, "efficientnetv2-b3_notop.h5"),
        "efficientnetv2s": Facts(1280, "efficientnetv2-s_notop.h5"),
        "efficientnetv2m": Facts(1280, "efficientnetv2-m_notop.h5"),
        "efficientnetv2l": Facts(1280, "efficientnetv2-l_notop.h5"),
        "inceptionresnetv2": Facts(
            1536, "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
        ),
        "inceptionv3": Facts(2048, "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "mobilenet": Facts(1024, "mobilenet_1_0_224_tf_no_top.h5"),
        "mobilenetv2": Facts(
            1280, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
        ),
        "mobilenetv3small": Facts(576, "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
        "mobilenetv3large": Facts(960, "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"),
        "nasnetmobile": Facts(1056, "nasnet_mobile_no_top.h5"),
        "nasnetlarge": Facts(4032, "nasnet_large_no_top.h5"),
        "resnet50": Facts(2048, "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "resnet101": Facts(2048, "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "resnet152": Facts(2048, "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "resnet50v2": Facts(2048, "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "resnet101v2": Facts(2048, "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "resnet152v2": Facts(2048, "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "vgg16": Facts(512, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "vgg19": Facts(512, "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        "xception": Facts(2048, "xception_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    }
)
