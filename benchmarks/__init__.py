"""Benchmarks: ``python -m benchmarks core``, ``adapters`` and ``inbox``, from the repository's root.

Every figure is a ratio of two things that were timed side by side: each round times every contender once, in random
order, with deliveries that were never seen before; printed are the median of the rounds' ratios and its quartiles. So
they mean the same on a slow machine and on a fast one. Absolute times would not, and are not printed; but for how often
a second the disk can do what all durable work waits for, because ratios of such work depend on it.

The task queues beside which ``inbox`` drains are the dependency group ``bench``.
"""
