#!/usr/bin/env bash
# The peer of test_convert_v1.py: nnU-Net v1 in an environment of its own, and what it makes of v1_cases.py.
#
#     tests/reference/v1_peer.sh FOLDER        FOLDER is new; the results go to tests/reference/v1
#
# nnunet 1.7.1 asks for dicom2nifti and requests as well; its network, its plans and its prediction do without.
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
