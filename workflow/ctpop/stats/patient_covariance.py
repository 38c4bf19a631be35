"""Covariance of least-squares coefficients, robust to unequal spread and to several scans per patient."""

import numpy as np

EXACT = 1e-8  # part of the residual variance that is left at a leverage of 1, where a scan is fitted exactly


def robust_covariance(columns: np.ndarray, residuals: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return the covariance matrix of the coefficients: HC3, or CR3 if patients have several scans.

    Residuals are divided by 1 minus the leverage. With several scans per patient, the residuals of a patient are
    multiplied by the inverse of the identity minus the block of the hat matrix, and the scores are summed within
    patients (CR3). With one scan per patient, CR3 is HC3.

    Parameters
    ----------
    columns : np.ndarray of float, shape (n, p)
        Linearly independent columns of the model.
    residuals : np.ndarray of float, shape (n,)
        Residuals of the fit, in the unit of the values.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan; the numbers need not be consecutive.

    Returns
    -------
    np.ndarray of float, shape (p, p)
        Covariance matrix of the coefficients, in squared units of the values per unit of the columns. Scans that are
        fitted exactly do not contribute.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the columns are linearly dependent.

    Examples
    --------
    >>> columns = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> values = np.array([0.0, 2.0, 1.0, 4.0])
    >>> residuals = values - columns @ np.linalg.lstsq(columns, values)[0]
    >>> robust_covariance(columns, residuals, np.arange(4)).round(3).tolist()
    [[0.458, -0.281], [-0.281, 0.418]]

    """
    # SOURCE: MacKinnon and White, J Econometrics 1985;29:305 (HC3); Bell and McCaffrey, Surv Methodol 2002;28:169 (CR3)
    basis, triangle = np.linalg.qr(columns)
    inverse = np.linalg.inv(triangle)
    scores = patient_scores(basis, residuals, patients) @ inverse.T
    result: np.ndarray = scores.T @ scores
    return result


def patient_scores(basis: np.ndarray, residuals: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return the contribution of each patient to the coefficients of an orthonormal basis, as in the jackknife.

    Parameters
    ----------
    basis : np.ndarray of float, shape (n, p)
        Orthonormal basis of the columns of the model.
    residuals : np.ndarray of float, shape (n,)
        Residuals of the fit.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    np.ndarray of float, shape (patients, p)
        Sum of the products of basis and adjusted residual over the scans of each patient. The order of the rows is
        not that of the patients.

    Examples
    --------
    >>> basis = np.full((4, 1), 0.5)
    >>> patient_scores(basis, np.array([1.0, -1.0, 2.0, -2.0]), np.array([0, 1, 2, 2])).round(3).tolist()
    [[0.667], [-0.667], [0.0]]

    """
    order = np.argsort(patients, kind="stable")
    _, sizes = np.unique(patients, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    parts = []
    for size in np.unique(sizes):
        rows = order[starts[sizes == size][:, np.newaxis] + np.arange(size)]  # (patients, scans of each patient)
        parts.append(_scores_of_size(basis[rows], residuals[rows]))
    return np.concatenate([np.empty((0, basis.shape[1])), *parts])


def _scores_of_size(basis: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return the scores of patients with the same number of scans; `basis` has the shape (patients, scans, p)."""
    if basis.shape[1] == 1:
        remaining = 1 - (basis[:, 0] ** 2).sum(axis=1, keepdims=True)
        adjusted = np.divide(residuals, remaining, out=np.zeros_like(residuals), where=remaining > EXACT)
    else:
        blocks = np.eye(basis.shape[1]) - basis @ basis.transpose(0, 2, 1)
        inverses = np.linalg.pinv(blocks, rcond=EXACT, hermitian=True)
        adjusted = (inverses @ residuals[:, :, np.newaxis])[:, :, 0]
    result: np.ndarray = np.einsum("gmp,gm->gp", basis, adjusted)
    return result
