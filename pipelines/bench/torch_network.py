"""The default network in PyTorch, its recurrence `torch.nn.RNN` (cuDNN on a GPU): a peer to measure against."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import torch

from sentiment.network.keras_network import BELOW_ALL_STATES, CLASSES, GLOVE, PROJECTION, recurrent_cells
from sentiment.settings import Settings
from sentiment.training.batches import Batches


class TorchNetwork(torch.nn.Module):
    """Ids ``(batch, time)``, padded behind, and their lengths ``(batch,)`` -> logits ``(batch, classes)``.

    Args:
        model: a Keras network with the default's kind of layers, whose weights are copied.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        vectors = _tensors(model.get_layer(GLOVE))[0]
        self.glove = torch.nn.Embedding.from_pretrained(vectors, freeze=True)
        names = sorted(layer.name for layer in model.layers if layer.name.startswith(f"{PROJECTION}_"))
        self.projection = torch.nn.ModuleList([_linear(model.get_layer(name)) for name in names])
        cells = recurrent_cells(model)
        features, units = _tensors(cells[0])[0].shape
        self.recurrent = torch.nn.RNN(features, units, batch_first=True, bidirectional=len(cells) == 2)
        for cell, suffix in zip(cells, ("", "_reverse"), strict=False):
            kernel, recurrent_kernel, bias = _tensors(cell)
            values = {"weight_ih": kernel.T, "weight_hh": recurrent_kernel.T, "bias_ih": bias, "bias_hh": 0 * bias}
            for name, value in values.items():
                getattr(self.recurrent, f"{name}_l0{suffix}").data.copy_(value)
        self.dropout = torch.nn.Dropout(model.get_layer("output_dropout").rate)
        self.classes = _linear(model.get_layer(CLASSES))

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Run the batch; ``lengths`` lie on the CPU, as cuDNN's caller wants them."""
        features = self.glove(ids)
        for layer in self.projection:
            features = torch.relu(layer(features))
        packed = torch.nn.utils.rnn.pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        states, _ = torch.nn.utils.rnn.pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=ids.shape[1]
        )
        real = (ids != 0).unsqueeze(-1)
        highest = states.masked_fill(~real, BELOW_ALL_STATES).amax(1)
        mean = (states * real).sum(1) / real.sum(1).clamp(min=1)
        return self.classes(self.dropout(torch.cat([highest, mean], -1)))

    def probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Class probabilities ``(n, classes)`` of padded ``ids`` ``(n, time)``, without dropout."""
        self.eval()
        lengths = torch.from_numpy(np.count_nonzero(ids, axis=1))
        with torch.no_grad():
            return torch.softmax(self(torch.from_numpy(ids.astype(np.int32)), lengths), -1).numpy()


def epoch_of(network: TorchNetwork, batches: Batches, settings: Settings) -> Callable[[], float]:
    """A function that trains ``network`` on all ``batches`` once; rows lie on the GPU if any, and are cut as ours."""
    options = settings.training
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")  # as JAX and TensorFlow multiply
    network.to(device)
    ids = torch.from_numpy(batches.part.ids.astype(np.int32)).to(device)
    labels = torch.from_numpy(batches.part.labels.astype(np.int64)).to(device)
    lengths = torch.from_numpy(batches.lengths.astype(np.int64))
    changed = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(changed, options.learning_rate, weight_decay=options.weight_decay)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=options.label_smoothing)

    def run() -> float:
        network.train()
        value = torch.zeros(())
        batches.start_epoch(batches.epoch + 1)
        for i in range(len(batches)):
            rows = torch.from_numpy(batches.rows(i)[0])
            there = rows.to(device)
            optimizer.zero_grad()
            value = loss(network(ids[there, : batches.width(i)], lengths[rows]), labels[there])
            value.backward()
            torch.nn.utils.clip_grad_norm_(changed, options.clip_norm)
            optimizer.step()
        return float(value.detach())  # waits for the device

    return run


def _linear(layer: Any) -> torch.nn.Linear:
    kernel, bias = _tensors(layer)
    linear = torch.nn.Linear(*kernel.shape)
    linear.weight.data.copy_(kernel.T)
    linear.bias.data.copy_(bias)
    return linear


def _tensors(layer: Any) -> list[torch.Tensor]:
    return [torch.from_numpy(np.array(keras.ops.convert_to_numpy(weight))) for weight in layer.weights]
