from __future__ import annotations

import torch

from interlock.explain._growth import ORIENT, find_seeds, grow_by_rows, grow_jointly

SHAPE = torch.Size((1, 4, 4))


def products_of(matrix):
    """Hessian products with a known (16, 16) matrix, and a count of the rows asked for."""
    calls = []

    def products(directions):
        calls.append(len(directions))
        return (directions.flatten(1) @ matrix).view(-1, *SHAPE)

    return products, calls


def rows(matrix, seeds, *, segments=None, size=16, threshold=0.5, max_rows=None, overlap=False):
    products, calls = products_of(matrix)
    segments = torch.zeros(4, 4, dtype=torch.int64) if segments is None else segments
    grown = grow_by_rows(
        products,
        torch.tensor(seeds),
        segments,
        torch.zeros(SHAPE),
        size=size,
        threshold=threshold,
        max_rows=max_rows,
        overlap=overlap,
    )
    return grown, [m.flatten().nonzero().flatten().tolist() for m in grown.masks], calls


def chain(length):
    """Feature i acts with i + 1 alone."""
    matrix = torch.zeros(16, 16)
    for i in range(length - 1):
        matrix[i, i + 1] = matrix[i + 1, i] = 1.0
    return matrix


def test_seeds_are_the_strongest_of_each_segment_strongest_first():
    evidence = torch.zeros(2, 2, 4)
    evidence[0, 0, 1], evidence[1, 1, 0], evidence[1, 0, 3], evidence[0, 1, 2] = 1.0, 3.0, 2.0, -5.0
    segments = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1]])
    assert find_seeds(evidence, segments, 5).tolist() == [[1, 1, 0], [1, 0, 3]]
    assert find_seeds(evidence, segments, 1).tolist() == [[1, 1, 0]]


def test_a_segment_without_positive_evidence_gives_no_seed():
    segments = torch.tensor([[0, 0, 1, 1]])
    assert find_seeds(torch.tensor([[[-1.0, 0.0, 0.0, 2.0]]]), segments, 5).tolist() == [[0, 0, 3]]
    assert find_seeds(torch.zeros(1, 1, 4), segments, 5).shape == (0, 3)


def test_growth_follows_a_chain_row_by_row():
    grown, members, _ = rows(chain(7), [[0, 0, 0]])
    assert members == [[0, 1, 2, 3, 4, 5, 6]]
    assert grown.rows.tolist() == [7]


def test_rows_and_size_are_limits():
    grown, members, _ = rows(chain(7), [[0, 0, 0]], max_rows=3)
    assert members == [[0, 1, 2, 3]]
    assert grown.rows.tolist() == [3]
    grown, members, _ = rows(chain(7), [[0, 0, 0]], size=2)
    assert members == [[0, 1]]
    assert grown.rows.tolist() == [1]


def test_threshold_is_relative_to_the_largest_absolute_entry():
    matrix = torch.zeros(16, 16)
    matrix[0, 1:6] = torch.tensor([-10.0, 6.0, 5.0, 4.9, -6.0])
    matrix = matrix + matrix.T
    _, members, _ = rows(matrix, [[0, 0, 0]], threshold=0.5, max_rows=1)
    assert members == [[0, 1, 2, 5]]  # strictly above 5; the sign does not matter


def test_strongest_candidates_join_first_and_the_own_segment_before_all():
    matrix = torch.zeros(16, 16)
    matrix[0, 1:6] = torch.tensor([6.0, 7.0, 8.0, 9.0, 10.0])
    matrix = matrix + matrix.T
    _, members, _ = rows(matrix, [[0, 0, 0]], size=3, max_rows=1)
    assert members == [[0, 4, 5]]
    segments = torch.ones(4, 4, dtype=torch.int64)
    segments[0, :3] = 0  # features 0, 1, 2
    _, members, _ = rows(matrix, [[0, 0, 0]], segments=segments, size=4, max_rows=1)
    assert members == [[0, 1, 2, 5]]


def test_sets_share_no_feature_unless_asked():
    matrix = torch.zeros(16, 16)
    matrix[0, 5] = matrix[15, 5] = 1.0
    matrix = matrix + matrix.T
    seeds = [[0, 0, 0], [0, 3, 3]]
    _, members, _ = rows(matrix, seeds, max_rows=1)
    assert members == [[0, 5], [15]]
    _, members, _ = rows(matrix, seeds, max_rows=1, overlap=True)
    assert members == [[0, 5], [5, 15]]


def test_sets_grow_in_step_in_batched_products():
    matrix = chain(4)
    matrix[10, 11] = matrix[11, 10] = 1.0
    _, members, calls = rows(matrix, [[0, 0, 0], [0, 2, 2]])
    assert members == [[0, 1, 2, 3], [10, 11]]
    assert calls[:2] == [2, 2]


def joint(matrix, evidence, seeds, *, size, overlap=False, shift=None):
    products, calls = products_of(matrix)
    removed = []

    def joint_evidence(mask):
        removed.append(mask)
        return evidence if shift is None else shift

    grown = grow_jointly(
        products,
        joint_evidence,
        torch.tensor(seeds),
        torch.arange(16).view(4, 4),
        evidence,
        torch.ones(SHAPE),
        orient=ORIENT["for"],
        size=size,
        rounds=2,
        overlap=overlap,
    )
    members = [m.flatten().nonzero().flatten().tolist() for m in grown.masks]
    return grown, members, removed


def test_joint_growth_puts_each_pixel_with_the_seed_it_acts_with():
    matrix = torch.zeros(16, 16)
    for block in ([0, 3, 7], [5, 9, 12]):
        for i in block:
            for j in block:
                matrix[i, j] = 1.0
    evidence = torch.zeros(16)
    evidence[[0, 3, 7, 5, 9, 12]] = torch.tensor([9.0, 3.0, 1.0, 8.0, 2.0, 4.0])
    grown, members, _ = joint(matrix, evidence.view(SHAPE), [[0, 0, 0], [0, 1, 1]], size=3)
    assert members == [[0, 3, 7], [5, 9, 12]]
    assert grown.rows.tolist() == [2, 2]


def test_joint_growth_counts_evidence_that_appears_when_others_are_taken_away():
    evidence = torch.zeros(16)
    evidence[[0, 1, 2]] = torch.tensor([9.0, 5.0, 4.0])
    hidden = torch.zeros(16)
    hidden[[0, 14]] = torch.tensor([9.0, 30.0])  # pixel 14 matters once the others are gone
    _, members, removed = joint(
        torch.ones(16, 16), evidence.view(SHAPE), [[0, 0, 0]], size=2, shift=hidden.view(SHAPE)
    )
    assert removed[0].flatten().nonzero().flatten().tolist() == [0, 1]
    assert members == [[0, 14]]


def test_joint_growth_with_overlap_lets_sets_share():
    evidence = torch.zeros(16)
    evidence[[0, 5, 9]] = torch.tensor([9.0, 8.0, 7.0])
    seeds = [[0, 0, 0], [0, 1, 1]]
    matrix = torch.ones(16, 16)
    _, apart, _ = joint(matrix, evidence.view(SHAPE), seeds, size=2)
    _, shared, _ = joint(matrix, evidence.view(SHAPE), seeds, size=2, overlap=True)
    assert sorted(apart[0] + apart[1]) == [0, 5, 9]
    assert set(shared[0]) & set(shared[1])


def test_whole_pixels_join():
    products, _ = products_of(torch.ones(16, 16))
    evidence = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    grown = grow_jointly(
        lambda d: d,
        lambda removed: evidence,
        torch.tensor([[0, 0, 0]]),
        torch.arange(16).view(4, 4),
        evidence,
        torch.ones(3, 4, 4),
        orient=ORIENT["for"],
        size=12,
        rounds=2,
        overlap=False,
    )
    assert grown.masks.sum() == 12
    assert torch.equal(grown.masks.any(dim=1), grown.masks.all(dim=1))
