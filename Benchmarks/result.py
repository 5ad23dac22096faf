"""What a job says of its rounds."""

import statistics


def result(unit, values, last, higher_is_better, peer="torch"):
    """Medians over rounds of (ours, peer), and the median of the rounds' ratios."""
    ratios = [ours / other if higher_is_better else other / ours for ours, other in values]
    return dict(
        unit=unit, ours=statistics.median(ours for ours, _ in values), peer=statistics.median(other for _, other in values),
        peerName=peer, ratio=statistics.median(ratios), ratios=ratios,
        spread=(max(ratios) - min(ratios)) / 2 / statistics.median(ratios),
        peakMemoryOurs=last[0].get("peakMemory"), peakMemoryPeer=last[1].get("peakMemory"),
    )
