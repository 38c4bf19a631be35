#!/usr/bin/env bash
# Run nnU-Net v1 on the cases of v1_cases.py in a separate environment, for test_convert_v1.py.
#
#     tests/reference/v1_peer.sh FOLDER        FOLDER: new environment; results are written to tests/reference/v1
#
# nnunet 1.7.1 also requires dicom2nifti and requests, but its networks, plans, and prediction do not use them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$1/bin/python" ] || python3.11 -m venv "$1"
"$1/bin/pip" install --quiet torch==2.13.0
"$1/bin/pip" install --quiet --no-deps nnunet==1.7.1
"$1/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 scikit-learn==1.9.1 simpleitk==2.5.7 \
    pandas==3.1.1 nibabel==5.4.2 matplotlib==3.11.2 batchgenerators==0.25.5 medpy==0.5.2 tqdm==4.70.1
cd "$1" # v1 stores paths in its pickles; these are relative
rm -rf scratch
OMP_NUM_THREADS=1 bin/python -W ignore "$here/v1_peer.py" scratch "$here/v1"
