"""
On a GPU
========

Is a GPU worthwhile? ``device="auto"``, the default, uses CUDA or Apple's MPS if available. Nothing
else changes: the input is a table, the output is probabilities, and a model trained on a GPU can
predict without one.
"""

# %%
# A GPU pays off with many features and patients. With a few hundred patients, a CPU is as fast,
# because a fit consists of many small steps. If the output shows only ``cpu``, this page was built
# without a GPU.
import time

import matplotlib.pyplot as plt
import torch

from xmodal_sklearn import CrossModalAttentionClassifier
from xmodal_sklearn.datasets import make_multiomics

devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
print(devices)
seconds = {device: [] for device in devices}
sizes = [50, 200, 800]
for size in sizes:
    X, y = make_multiomics(300, {"exp": size, "cna": size}, return_X_y=True, random_state=0)
    for device in devices:
        start = time.perf_counter()
        CrossModalAttentionClassifier(device=device, random_state=0).fit(X, y)
        seconds[device].append(time.perf_counter() - start)

figure, ax = plt.subplots(layout="constrained")
for device, values in seconds.items():
    ax.plot(sizes, values, marker="o", label=device)
ax.set(xlabel="features per modality", ylabel="seconds to fit", ylim=(0, None))
ax.legend(title="device")
plt.show()

# %%
# On CUDA, networks with more than a few tokens use mixed precision. Results differ between devices
# in the last digits, but not between two fits on the same device with the same seed.
#
# If you fit several models at once on one GPU, watch its memory: ``n_jobs=2`` keeps two networks
# there. ``CUDA_VISIBLE_DEVICES=1`` selects another GPU; to use several GPUs, start one Dask worker
# for each.
#
# **Answer.** Run this example on your machine: a GPU is worthwhile if its line is below that of the
# CPU at the size of your data.
