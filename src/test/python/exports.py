"""Writes networks as PyTorch's exporter and ONNX Runtime's optimiser do: exports.py DIRECTORY.

Debian: apt install python3-torch python3-torchvision python3-onnx python3-onnxruntime. Then
HEADWATER_EXPORTS=DIRECTORY mvn test -Dtest='Exported*Test' holds them to what ONNX Runtime says.
"""

import math
import pathlib
import sys
import warnings

import onnxruntime
import torch
import torch.nn.functional as F
import torchvision.models as tv
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(0)
OUT = pathlib.Path(sys.argv[1])
PICTURE, SMALL = torch.randn(2, 3, 64, 64), torch.randn(2, 3, 32, 32)
TABLE, STEPS = torch.randn(4, 16), torch.randn(2, 9, 5)
IDS, MASK = torch.randint(0, 50, (2, 9)), torch.ones(2, 9, dtype=torch.long)


def export(name, network, inputs, opset=17, axes=("batch",), names=None, **more):
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    names = names or ["x"]
    torch.onnx.export(
        network.eval(),
        inputs,
        OUT / f"{name}.onnx",
        input_names=names,
        output_names=["logits"],
        dynamic_axes={n: dict(enumerate(axes)) for n in names},
        opset_version=opset,
        **more,
    )


class Answer(nn.Module):
    """Of a segmentation network, its map."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)["out"]


class UNet(nn.Module):
    def __init__(self, up):
        super().__init__()
        self.up = up
        self.a = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
        )
        self.b = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1, padding_mode="reflect"),
            nn.GroupNorm(4, 16),
            nn.SiLU(),
        )
        transposed = up == "transposed"
        self.u = nn.ConvTranspose2d(16, 8, 2, stride=2) if transposed else nn.Conv2d(16, 8, 1)
        self.c = nn.Sequential(nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))

    def forward(self, x):
        a = self.a(x)
        u = self.u(self.b(a))
        if self.up == "transposed":
            missing = a.size(2) - u.size(2)
            u = F.pad(u, [0, missing, 0, missing])
        elif self.up == "aligned":
            u = F.interpolate(u, size=a.shape[-2:], mode="bilinear", align_corners=True)
        elif self.up == "shuffled":
            u = F.pixel_shuffle(torch.cat([u] * 4, 1), 2)
        else:
            u = F.interpolate(u, scale_factor=2, mode=self.up)
        return self.c(torch.cat([u, a], 1))


class Recurrent(nn.Module):
    def __init__(self, kind, of, layers=1):
        super().__init__()
        self.of = of
        self.embed = nn.Linear(5, 12)
        self.r = getattr(nn, kind)(12, 10, layers, batch_first=True, bidirectional=True)
        self.out = nn.Linear(20, 4)

    def forward(self, x):
        y, h = self.r(self.embed(x))
        h = h[0] if isinstance(h, tuple) else h
        ends = {"last": y[:, -1], "mean": y.mean(1), "state": torch.cat([h[-2], h[-1]], 1)}
        return self.out(ends[self.of])


class Encoder(nn.Module):
    """PyTorch's own layers."""

    def __init__(self, activation="gelu", norm_first=True, pool="mean"):
        super().__init__()
        self.pool = pool
        self.e, self.places = nn.Embedding(50, 32), nn.Parameter(torch.randn(1, 9, 32))
        self.cls = nn.Parameter(torch.randn(1, 1, 32))
        layer = nn.TransformerEncoderLayer(
            32, 4, 64, activation=activation, norm_first=norm_first, batch_first=True
        )
        self.t = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.o = nn.Sequential(
            nn.LayerNorm(32), nn.Dropout(0.1), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 5)
        )

    def forward(self, ids):
        x = self.e(ids) + self.places[:, : ids.size(1)]
        if self.pool == "first":
            x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], 1)
        x = self.t(x)
        return self.o({"first": x[:, 0], "mean": x.mean(1), "max": x.amax(1)}[self.pool])


class Bert(nn.Module):
    """Attention spelt out, over texts of any length."""

    def __init__(self, fused):
        super().__init__()
        self.fused = fused
        self.e, self.n, self.n2 = nn.Embedding(50, 32), nn.LayerNorm(32), nn.LayerNorm(32)
        self.q, self.k, self.v, self.d, self.p = (nn.Linear(32, 32) for _ in range(5))
        self.f, self.g, self.c = nn.Linear(32, 64), nn.Linear(64, 32), nn.Linear(32, 4)

    def forward(self, input_ids, attention_mask):
        x = self.n(self.e(input_ids))
        hidden = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        q, k, v = (
            layer(x).view(x.size()[:-1] + (4, 8)).permute(0, 2, 1, 3)
            for layer in (self.q, self.k, self.v)
        )
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=hidden)
        else:
            mixed = (q @ k.transpose(-1, -2) / math.sqrt(8) + hidden).softmax(-1) @ v
        mixed = mixed.permute(0, 2, 1, 3).contiguous()
        x = self.n2(x + self.d(mixed.view(mixed.size()[:-2] + (32,))))
        x = self.n2(x + self.g(F.gelu(self.f(x))))
        return self.c(torch.tanh(self.p(x[:, 0])))


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.a = nn.Embedding(50, 16), nn.Linear(16, 1)
        self.h, self.o = nn.Linear(16, 16), nn.Linear(32, 4)

    def forward(self, input_ids, attention_mask):
        x = torch.tanh(self.h(self.e(input_ids)))
        there = attention_mask.unsqueeze(-1).float()
        mean = (x * there).sum(1) / there.sum(1).clamp(min=1e-9)
        weights = self.a(x).masked_fill(there == 0, -1e4).softmax(1)
        return self.o(torch.cat([mean, (weights * x).sum(1)], -1))


class Convolved(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.o = nn.Embedding(50, 16), nn.Linear(24, 4)
        self.c = nn.ModuleList(nn.Conv1d(16, 8, k) for k in (2, 3, 4))

    def forward(self, ids):
        x = self.e(ids).transpose(1, 2)
        return self.o(torch.cat([F.relu(c(x)).max(2)[0] for c in self.c], 1))


class Spelt(nn.Module):
    """A first layer to a number of values, what happens to them, a last layer to three."""

    def __init__(self, between, first, last, *more):
        super().__init__()
        self.between = between
        self.a, self.b = nn.Linear(16, first), nn.Linear(last, 3)
        self.more, self.k = nn.ModuleList(more), nn.Parameter(torch.rand(8) + 0.5)

    def forward(self, x):
        return self.between(self, self.a(x))


SPELT = {
    "squeezed": (lambda s, h: s.b(F.relu(h).unsqueeze(1).squeeze(1)), 8, 8),
    "einsum": (lambda s, h: torch.einsum("...i,ji->...j", h, s.b.weight), 8, 8),
    "products": (lambda s, h: s.b(torch.einsum("bi,bj->bij", h, h).flatten(1)), 8, 64),
    "angles": (lambda s, h: 10 * F.linear(F.normalize(h), F.normalize(s.b.weight)), 8, 8),
    "cosine": (lambda s, h: 8 * F.cosine_similarity(h[:, None], s.b.weight[None], dim=-1), 8, 8),
    "distance": (lambda s, h: -torch.cdist(h, s.b.weight), 8, 8),
    "maxout": (lambda s, h: s.b(h.view(-1, 8, 2).max(-1)[0]), 16, 8),
    "glu": (lambda s, h: s.b(F.glu(h)), 16, 8),
    "chunks": (lambda s, h: s.b(torch.sigmoid(h.chunk(2, -1)[0]) * h.chunk(2, -1)[1]), 16, 8),
    "norm": (lambda s, h: s.b(F.leaky_relu(s.more[0](h))), 8, 8, nn.BatchNorm1d(8)),
    "prelu": (lambda s, h: s.b(s.more[0](h)), 8, 8, nn.PReLU(8)),
    "hard": (lambda s, h: s.b(F.hardswish(h) + F.relu6(h) + F.mish(h) + F.softplus(h)), 8, 8),
    "probabilities": (lambda s, h: s.b(F.gelu(h, approximate="tanh")).softmax(-1), 8, 8),
    "where": (lambda s, h: s.b(torch.where(h > 0, h, h * s.k)), 8, 8),
    "permuted": (lambda s, h: s.b(h[:, torch.tensor([3, 1, 0, 2, 7, 6, 5, 4])]), 8, 8),
    "picked": (lambda s, h: s.b(h.view(-1, 2, 8)[:, [0, 1], [3, 5]]), 16, 2),
    "rolled": (lambda s, h: s.b(torch.roll(h, 2, 1)), 8, 8),
    "flipped": (lambda s, h: s.b(torch.flip(h, [1])), 8, 8),
    "summed": (lambda s, h: s.b(torch.cumsum(h, 1)), 8, 8),
    "moments": (lambda s, h: s.b(torch.cat([h.mean(-1, True), h.std(-1, keepdim=True)], 1)), 8, 2),
    "greatest": (lambda s, h: s.b(h.topk(4, 1)[0]), 8, 4),
    "sorted": (lambda s, h: s.b(h.sort(1)[0]), 8, 8),
    "lengths": (lambda s, h: s.b(h / h.norm(p=1, dim=1, keepdim=True)), 8, 8),
    "logsumexp": (lambda s, h: s.b(h - h.logsumexp(1, keepdim=True)), 8, 8),
    "triangle": (lambda s, h: s.b(torch.tril(h.unsqueeze(2) * h.unsqueeze(1)) @ s.k), 8, 8),
    "clamped": (lambda s, h: s.b(torch.minimum(torch.maximum(h, -s.k), s.k)), 8, 8),
    "unfolded": (lambda s, h: s.b(F.unfold(h.view(-1, 1, 4, 4), 2, stride=2).flatten(1)), 16, 16),
    "powers": (lambda s, h: s.b(F.lp_pool2d(h.view(-1, 1, 4, 4), 2, 2).flatten(1)), 16, 4),
    "causal": (
        lambda s, h: s.b(
            F.scaled_dot_product_attention(*(h.view(-1, 2, 2, 4),) * 3, is_causal=True).flatten(1)
        ),
        16,
        16,
    ),
    "attention": (
        lambda s, h: s.b(s.more[0](*(h.view(-1, 4, 8),) * 3, need_weights=False)[0].flatten(1)),
        32,
        32,
        nn.MultiheadAttention(8, 2, batch_first=True),
    ),
    "repeated": (lambda s, h: s.b(h.repeat_interleave(2, 1)), 4, 8),
    "masked": (lambda s, h: s.b(h.masked_fill(h > 1, 0.0)), 8, 8),
    "chosen": (lambda s, h: s.b(h * F.one_hot(h.argmax(1), 8).float()), 8, 8),
    "gathered": (
        lambda s, h: s.b(torch.gather(h, 1, torch.arange(8).flip(0)[None].expand(h.size(0), 8))),
        8,
        8,
    ),
    "scattered": (
        lambda s, h: s.b(
            torch.zeros(h.size(0), 8).scatter(1, torch.arange(8)[None].expand(h.size(0), 8), h)
        ),
        8,
        8,
    ),
    "doubled": (lambda s, h: s.b((h.double() * 2).float()), 8, 8),
}


def main():
    classifiers = {
        "resnet18": 11, "mobilenet_v2": 13, "mobilenet_v3_small": 14, "squeezenet1_1": 17,
        "shufflenet_v2_x0_5": 17, "efficientnet_b0": 17, "mnasnet0_5": 12, "densenet121": 16,
        "regnet_y_400mf": 17, "convnext_tiny": 17,
    }  # fmt: skip
    for name, opset in classifiers.items():
        export(name, getattr(tv, name)(weights=None, num_classes=7), PICTURE, opset)
    vit = tv.VisionTransformer(32, 8, 3, 4, 48, 96, num_classes=6)
    export("vit", vit, SMALL)
    export("swin", tv.SwinTransformer([4, 4], 24, [2, 2], [2, 4], [4, 4], num_classes=5), PICTURE)
    for name in ("lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_resnet50"):
        network = getattr(tv.segmentation, name)
        export(name, Answer(network(weights=None, weights_backbone=None, num_classes=3)), PICTURE)
    for up in ("transposed", "aligned", "shuffled", "nearest", "bicubic"):
        export(f"unet_{up}", UNet(up), SMALL)
    for kind in ("LSTM", "GRU", "RNN"):
        export(f"{kind.lower()}_last", Recurrent(kind, "last"), STEPS)
        export(f"{kind.lower()}_mean", Recurrent(kind, "mean"), STEPS)
        export(f"{kind.lower()}_state", Recurrent(kind, "state", 2), STEPS)
    both = ["input_ids", "attention_mask"]
    export("encoder_mean", Encoder(), IDS, names=["input_ids"])
    export("encoder_first", Encoder("relu", False, "first"), IDS, 14, names=["input_ids"])
    export("encoder_max", Encoder(pool="max"), IDS, 20, names=["input_ids"])
    export("pooled", Pooled(), (IDS, MASK), names=both)
    export("convolved", Convolved(), IDS, names=["input_ids"])
    for fused in (False, True):
        axes = ("batch", "length")
        export(f"bert_{int(fused)}", Bert(fused), (IDS, MASK), axes=axes, names=both)
    for name, (between, first, last, *more) in SPELT.items():
        export(f"spelt_{name}", Spelt(between, first, last, *more), TABLE, 18)
    for name in ("squeezed", "angles", "moments", "products"):
        export(f"spelt_{name}_12", Spelt(*SPELT[name]), TABLE, 12)
    plain = dict(do_constant_folding=False, keep_initializers_as_inputs=True)
    export("encoder_unfolded", Encoder(), IDS, names=["input_ids"], **plain)
    functions = dict(export_modules_as_functions={nn.LayerNorm})
    export("encoder_functions", Encoder(), IDS, names=["input_ids"], **functions)
    preserved = dict(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    export("resnet18_training", tv.resnet18(weights=None, num_classes=4), PICTURE, **preserved)
    optimised = ("resnet18", "mobilenet_v2", "encoder_mean", "encoder_first", "vit", "bert_0")
    for name in (*optimised, "unet_transposed", "pooled", "convnext_tiny", "lstm_last"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(OUT / f"optimised_{name}.onnx")
        onnxruntime.InferenceSession(OUT / f"{name}.onnx", options, ["CPUExecutionProvider"])


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    main()
