"""
On a GPU
========

``device="auto"``, the default, takes CUDA or Apple's MPS where it is at hand. Nothing else changes:
tables in, probabilities out, and a model that was trained on a GPU predicts without one.
"""

# %%
# With many features and patients a GPU is worth it; with a few hundred patients the processor is as
# fast, as a fit is made of many small steps. This page was built without a GPU if it says ``cpu``.
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
# On CUDA, networks of more than a few tokens compute in mixed precision. Results differ between
# devices in the last digits, never between two fits on the same device with the same seed.
#
# To fit several models at once on one GPU, mind its memory: ``n_jobs=2`` holds two networks in it.
# ``CUDA_VISIBLE_DEVICES=1`` chooses another GPU, and a Dask worker per GPU several machines.
