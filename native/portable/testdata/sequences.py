"""Makes sequences.tar.gz: recurrent layers, suppression of boxes, random numbers whose distribution leaves no choice, pools of padded inputs, and a
pipeline of programs.

Recurrent layers are compared with PyTorch's, whose gates lie in another order. Run it in this folder with Python 3.11, coremltools 9.0 and PyTorch 2.7.
"""

import coremltools as ct
import numpy as np
import torch
import torch.nn.functional as F
from coremltools.converters.mil import Builder as mb

from pack import Archive, outputs, program, rand

T = torch.from_numpy
i17, i18 = ct.target.iOS17, ct.target.iOS18
f32, i32 = np.float32, np.int32
S, B, I, H = 4, 2, 3, 5


def case(name, inputs, build, want, target=ct.target.iOS15):
    want = list(want) if isinstance(want, (tuple, list)) else [want]
    want = [w.detach().numpy() if isinstance(w, torch.Tensor) else np.asarray(w) for w in want]
    archive.add(name, program(inputs, build, target), [(inputs, outputs(want))])


def gates(p, order):
    """PyTorch's rows of gates in MIL's order."""
    parts = p.detach().numpy().reshape(len(order), H, -1)[order]
    return parts.reshape(len(order) * H, -1).squeeze()


def recurrent():
    x = rand(S, B, I)
    for name, cell, order in (("lstm", torch.nn.LSTM, [0, 1, 3, 2]), ("gru", torch.nn.GRU, [0, 2, 1]), ("rnn", torch.nn.RNN, [0])):
        for direction in ("forward", "reverse", "bidirectional"):
            if direction == "bidirectional" and name != "lstm":
                continue
            for steps in (True, False):
                n = 2 if direction == "bidirectional" else 1
                net = cell(I, H, bidirectional=n == 2)
                h, c = rand(n, B, H), rand(n, B, H)
                flip = (lambda v: torch.flip(v, [0])) if direction == "reverse" else (lambda v: v)
                got, last = net(flip(T(x)), (T(h), T(c)) if name == "lstm" else T(h))
                join = lambda v: v.transpose(0, 1).reshape(B, -1)
                last = [join(v) for v in (last if name == "lstm" else [last])]
                want = [got if steps else last[0][None], *last]  # in reverse the steps stay in the order of their making
                args = dict(initial_h=join(T(h)).numpy(), direction=direction, output_sequence=steps)
                if name == "lstm":
                    args["initial_c"] = join(T(c)).numpy()
                for suffix, back in (("", ""), ("_reverse", "_back"))[:n]:
                    w = {k: getattr(net, f"{k}_l0{suffix}") for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
                    args["weight_ih" + back], args["weight_hh" + back] = gates(w["weight_ih"], order), gates(w["weight_hh"], order)
                    if name == "gru":
                        args["bias"], args["input_bias"] = gates(w["bias_hh"], order), gates(w["bias_ih"], order)
                    else:
                        args["bias" + back] = gates(w["bias_ih"] + w["bias_hh"], order)
                more = dict(reset_after=True) if name == "gru" else {}
                case(f"{name}_{direction}_{'steps' if steps else 'last'}", dict(x=x), lambda x: getattr(mb, name)(x=x, **args, **more), want, i18 if name == "gru" else ct.target.iOS15)
    peep = rand(3 * H)
    w, u, h, c = rand(4 * H, I), rand(4 * H, H), rand(B, H), rand(B, H)
    hs, cs, sig = h, c, lambda v: 1 / (1 + np.exp(-v))
    for t in range(S):
        i, f, o, z = np.split(x[t] @ w.T + hs @ u.T, 4, 1)
        pi, pf, po = np.split(peep, 3)
        i, f = sig(i + pi * cs), sig(f + pf * cs)
        cs = f * cs + i * np.tanh(z)
        hs = sig(o + po * cs) * np.maximum(cs, 0)
    case("lstm_peephole", dict(x=x), lambda x: mb.lstm(x=x, initial_h=h, initial_c=c, weight_ih=w, weight_hh=u, peephole=peep, activation="relu"), (hs[None], hs, cs))
    wr, wo, wz, ur, uo, uz = *np.split(rand(3 * H, I), 3), *np.split(rand(3 * H, H), 3)
    hs = h
    for t in range(S):
        r, z = sig(x[t] @ wr.T + hs @ ur.T), sig(x[t] @ wz.T + hs @ uz.T)
        hs = (1 - z) * np.tanh(x[t] @ wo.T + (r * hs) @ uo.T) + z * hs
    case("gru_reset_before", dict(x=x), lambda x: mb.gru(x=x, initial_h=h, weight_ih=np.concatenate([wr, wo, wz]), weight_hh=np.concatenate([ur, uo, uz])), (hs[None], hs))
    one = rand(H, I)
    case("rnn_linear", dict(x=x), lambda x: mb.rnn(x=x, initial_h=h, weight_ih=one, weight_hh=np.eye(H, dtype=f32), activation="linear"), [(h + (x @ one.T).sum(0))[None], h + (x @ one.T).sum(0)])


def suppressed(boxes, scores, iou, least, most, per_class):
    n, _, k = scores.shape
    out = [np.zeros((n, most, 4), f32), np.zeros((n, most, k), f32), np.full((n, most), -1, i32), np.zeros(n, i32)]
    for b in range(n):
        best, label = scores[b].max(1), scores[b].argmax(1)
        kept = []
        for i in np.argsort(-best):
            if least is not None and best[i] < least:
                continue
            def overlap(j):
                (ax, ay, aw, ah), (bx, by, bw, bh) = boxes[b, i], boxes[b, j]
                w = max(0, min(ax + aw / 2, bx + bw / 2) - max(ax - aw / 2, bx - bw / 2))
                h = max(0, min(ay + ah / 2, by + bh / 2) - max(ay - ah / 2, by - bh / 2))
                return w * h / (aw * ah + bw * bh - w * h)
            if len(kept) < most and not any(overlap(j) > iou for j in kept if not per_class or label[i] == label[j]):
                kept.append(i)
        m = len(kept)
        out[0][b, :m], out[1][b, :m], out[2][b, :m], out[3][b] = boxes[b, kept], scores[b, kept], kept, m
    return out


def suppression():
    boxes, scores = rand(2, 12, 4, low=0.3, high=1), rand(2, 12, 3, low=0, high=1)
    boxes[..., :2] *= 3
    for per_class in (False, True):
        for most in (3, 12):
            want = suppressed(boxes, scores, 0.3, 0.55, most, per_class)
            case(f"suppression_{most}_{per_class}", dict(b=boxes, s=scores), lambda b, s: mb.non_maximum_suppression(
                boxes=b, scores=s, iou_threshold=f32(0.3), score_threshold=f32(0.55), max_boxes=i32(most), per_class_suppression=per_class), want)
    want = suppressed(boxes, scores, 0.3, None, 8, False)
    case("suppression_17", dict(b=boxes.transpose(0, 2, 1), s=scores.transpose(0, 2, 1)), lambda b, s: mb.non_maximum_suppression(
        boxes=b, scores=s, iou_threshold=f32(0.3), max_boxes=i32(8)), (want[0].transpose(0, 2, 1), want[1].transpose(0, 2, 1), want[2]), i17)


def random():
    x = rand(2, 3)
    shape = np.array([2, 3], i32)
    case("random_uniform", dict(x=x), lambda x: mb.add(x=x, y=mb.random_uniform(shape=shape, low=f32(2), high=f32(2.00001), seed=7)), x + 2)
    case("random_normal", dict(x=x), lambda x: mb.add(x=x, y=mb.random_normal(shape=shape, mean=f32(3), stddev=f32(1e-6), seed=7)), x + 3)
    case("random_bernoulli", dict(x=x), lambda x: mb.add(x=x, y=mb.random_bernoulli(shape=mb.shape(x=x), prob=f32(1))), x + 1)
    sure = np.array([[[-90, 0, -90], [0, -90, -90]]], f32)
    case("random_categorical", dict(x=sure), lambda x: mb.random_categorical(x=x, size=4, seed=3), np.array([[[1] * 4, [0] * 4]], f32))
    case("random_categorical_probs", dict(x=np.exp(sure)), lambda x: mb.random_categorical(x=x, mode="probs"), np.array([[[1], [0]]], f32))


def padded():
    x = rand(1, 2, 8, 8, low=-3, high=-1)
    even = T(F.pad(T(x), (0, 1, 0, 1)).numpy())
    pad = lambda v: mb.pad(x=v, pad=np.array([0, 0, 0, 0, 0, 1, 0, 1], i32))
    more = dict(kernel_sizes=[3, 3], strides=[2, 2], pad_type="valid")
    case("pad_average", dict(x=x), lambda v: mb.avg_pool(x=pad(v), **more), F.avg_pool2d(even, 3, 2))
    case("pad_max", dict(x=x), lambda v: mb.max_pool(x=pad(v), **more), F.max_pool2d(even, 3, 2))


def pipeline():
    x, models = rand(1, 2), []
    for i, name in enumerate(("x", "m")):
        made = program({name: x}, lambda v: mb.add(x=v, y=f32(1)) if i == 0 else mb.mul(x=v, y=f32(3)))
        models.append(made)
    spec = models[0].get_spec()
    ct.models.utils.rename_feature(spec, "y0", "m")
    first = ct.models.MLModel(spec, weights_dir=models[0].weights_dir, skip_model_load=True)
    archive.add("pipeline_of_programs", ct.models.utils.make_pipeline(first, models[1]), [(dict(x=x), dict(y0=(x + 1) * 3))])


if __name__ == "__main__":
    torch.manual_seed(5)
    archive = Archive("sequences.tar.gz")
    for f in (recurrent, suppression, random, padded, pipeline):
        f()
    archive.close()
