"""Nets of timm by name, as `timm:convnext_atto`: built, initialised and named as timm does.

They start from scratch as timm starts them, whatever that is for each, so that a study compares
the nets that people use. What a recipe does not say they have not: dropout and stochastic depth
are off, which also keeps all randomness in the recipe's streams.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from agecls.errors import RecipeError
from agecls.nets.kernels.checked import check_layers
from agecls.nets.net import Net
from agecls.nets.variants import TIMM_PREFIX

SIZES: Final = (32, 48, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 299, 320, 384)
"""Sides in pixels among which a net that refuses an image is asked for the next it takes."""


def build(variant: str, depth: int, *, n_outputs: int, size: int | None) -> Net:
    """A net with timm's initialisation, drawn from torch's global generator.

    Nets that are made for one size of images, such as ViTs, are made for `size`.

    Raises:
        RecipeError: timm is not installed or has no such net, or it does not take this size.
    """
    name = variant.removeprefix(TIMM_PREFIX)
    made_for = _entry(name).get("fixed_input_size", False)
    try:
        net = _created(name, n_outputs, size if made_for else None)
        if size is not None:
            _try(net, size, n_outputs)
    except Exception as error:  # of any kind, from the net's own layers
        if size is None:
            raise
        raise RecipeError(_refusal(variant, n_outputs, size, error)) from error
    heads = _entry(name)["classifier"]
    net.head_names = tuple(f"{h}." for h in ([heads] if isinstance(heads, str) else heads))
    net.variant, net.depth = variant, depth
    check_layers(net)
    return net


def initialise(net: Net, scheme: str, *, zero_gamma: bool) -> None:
    """Leave the net as timm initialised it when it was built; neither argument means anything."""


def remap(
    variant: str, own: Collection[str], theirs: Collection[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """No other names than timm's; see `agecls.nets.families.Code`."""
    return {key: key for key in theirs}, ()


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise RecipeError(
            "variant timm:NAME needs timm, which is not installed; run `pip install timm`"
        ) from error
    return timm


def _entry(name: str) -> dict[str, Any]:
    """What timm knows of a net, from its registry alone."""
    timm = _timm()
    there = timm.list_models()
    if name not in there:
        if "." in name and name.partition(".")[0] in there:
            raise RecipeError(
                f"variant 'timm:{name}' names weights; the net is timm:{name.partition('.')[0]}, "
                f"and --weights timm:{name} starts from them"
            )
        near = get_close_matches(name, there, n=1)
        way_out = f"did you mean timm:{near[0]}?" if near else "timm.list_models() has the names"
        raise RecipeError(
            f"timm {timm.__version__} has no net {name!r} of variant 'timm:{name}'; {way_out}"
        )
    entry = timm.get_pretrained_cfg(name)
    return {} if entry is None else dict(entry.to_dict())


def _created(name: str, n_outputs: int, size: int | None) -> Net:
    made_for = {} if size is None else {"img_size": size}
    net = _timm().create_model(name, pretrained=False, num_classes=n_outputs, **made_for)
    for module in net.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif hasattr(module, "drop_prob"):
            module.drop_prob = 0.0
    return cast(Net, net)


def _try(net: nn.Module, size: int, n_outputs: int) -> None:
    """Raise what the net raises for images of this size, or if it gives something else."""
    was_training = net.training
    device = next(net.parameters()).device
    net.eval()
    try:
        with torch.no_grad():
            outputs = net(torch.zeros(2, 3, size, size, device=device))
    finally:
        net.train(was_training)
    if not isinstance(outputs, Tensor) or outputs.shape != (2, n_outputs):
        raise TypeError("it gives something else than a number per class")


def _refusal(variant: str, n_outputs: int, size: int, error: Exception) -> str:
    """Why images of a size are refused, and which next size is taken."""
    name = variant.removeprefix(TIMM_PREFIX)
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    start = f"variant {variant!r} takes no images of {size} px ({reason})"
    made_for = _entry(name).get("fixed_input_size", False)
    for larger in (side for side in SIZES if side > size):
        try:
            with torch.device("meta"):
                _try(_created(name, n_outputs, larger if made_for else None), larger, n_outputs)
        except Exception:
            continue
        return f"{start}; expected --size {larger} or another size that it takes, or another net"
    return f"{start}, nor of any size up to {SIZES[-1]}; name another net"
