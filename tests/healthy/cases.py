# SPDX-License-Identifier: Apache-2.0
"""Healthy runs by their seed, and which part of one makes it fail."""

import random

# A run of which nothing is special.  `driver.` is of the driver file.
PLAIN = {
    "topics": 1,
    "partitionsPerTopic": 1,
    "subscriptionsPerTopic": 1,
    "consumerPerSubscription": 1,
    "producersPerTopic": 1,
    "producerRate": 1000,
    "messageSize": 100,
    "keyDistributor": "NO_KEY",
    "agents": 1,
    "threadsPerAgent": 1,
    "maxInFlight": 65536,
    "wakeInterval": "100us",
    "pacing": "sleep",
    "commitInterval": 0,
    "verifyPayload": False,
    "warmupDuration": "0s",
    "testDuration": "1s",
    "seed": 42,
}

CHOICES = {
    "topics": (1, 1, 2, 3),
    "partitionsPerTopic": (1, 2, 4, 16),
    "subscriptionsPerTopic": (1, 1, 2, 3),
    "consumerPerSubscription": (1, 2, 4),
    "producersPerTopic": (1, 2, 4),
    "producerRate": (50, 1000, 5000, 20000, "max"),
    "messageSize": (32, 100, 1024, 10000, 60000),
    "keyDistributor": ("NO_KEY", "KEY_ROUND_ROBIN", "RANDOM_NANO"),
    "agents": (1, 2, "per-core", "per-client"),
    "threadsPerAgent": (1, 1, 2),
    "maxInFlight": (1, 100, 65536, 65536),
    "wakeInterval": ("0", "100us", "5ms"),
    "pacing": ("sleep", "sleep", "spin"),
    "commitInterval": (0, 100, "500ms"),
    "verifyPayload": (False, True),
    "warmupDuration": ("0s", "0s", "500ms"),
    "testDuration": ("1s", "1500ms", "2s"),
}

# What a machine of two CPUs carries, some runs beside each other: more would be an overload.
PRODUCERS_MOST = 8
CONSUMERS_MOST = 16
BYTES_PER_S_MOST = 8e6  # in, and out to each subscription
MAX_IN_FLIGHT = 100  # of a run as fast as it goes

KAFKA_PRODUCERS = (
    "acks=all\nlinger.ms=1\n",
    "acks=1\nlinger.ms=0\n",
    "acks=all\nenable.idempotence=true\n",
    "acks=all\nlinger.ms=20\nbatch.size=16384\ncompression.type=lz4\n",
)
NATS = {
    "driver.sendAsap": ("pass", "true", "false"),
}

# Of each row: what else differs, and what its plain run has.
DRIVERS = {
    "null": ({"subscriptionsPerTopic": (0,)}, {"subscriptionsPerTopic": 0}),
    "loopback": (
        {"driver.delay": ("0s", "0s", "2ms"), "driver.deliveryDelay": ("0s", "0s", "20ms")},
        {"driver.delay": "0s", "driver.deliveryDelay": "0s"},
    ),
    "embedded": (
        {"driver.producerConfig": KAFKA_PRODUCERS},
        {"driver.producerConfig": KAFKA_PRODUCERS[0]},
    ),
    "kafka": (
        {"driver.producerConfig": KAFKA_PRODUCERS},
        {"driver.producerConfig": KAFKA_PRODUCERS[0]},
    ),
    "jetstream": (
        NATS | {"driver.storageType": ("File", "Memory"), "driver.ackPolicy": ("explicit", "all")},
        {"driver.sendAsap": "pass", "driver.storageType": "File", "driver.ackPolicy": "explicit"},
    ),
    "pull": (
        NATS | {"driver.pullBatch": (2, 100, 1000)},
        {"driver.sendAsap": "pass", "driver.pullBatch": 100},
    ),
    # What comes faster than somebody reads is dropped: as fast as it goes is not healthy.
    "core": (
        NATS | {"producerRate": (50, 1000, 5000)},
        {"driver.sendAsap": "pass"},
    ),
}


def plain_of(driver):
    return PLAIN | DRIVERS[driver][1]


def is_small(case):
    rate, size = case["producerRate"], case["messageSize"]
    if rate == "max":
        fits = case["maxInFlight"] <= MAX_IN_FLIGHT and size <= 10000
    else:
        out = case["subscriptionsPerTopic"] + 1
        fits = rate * size * out <= BYTES_PER_S_MOST
        # One message under way at a time: the rate has to leave time for its answer.
        fits = fits and (case["maxInFlight"] >= 100 or rate <= 50)
    consumers = case["topics"] * case["subscriptionsPerTopic"] * case["consumerPerSubscription"]
    producers = case["topics"] * case["producersPerTopic"]
    # More members than partitions would be idle, which is a doubt.
    shared = case["consumerPerSubscription"] <= case["partitionsPerTopic"]
    return fits and shared and producers <= PRODUCERS_MOST and consumers <= CONSUMERS_MOST


def draw(driver, seed):
    """The run of this seed: always the same."""
    lots = random.Random(f"{driver} {seed}")
    choices = CHOICES | DRIVERS[driver][0]
    while True:
        case = plain_of(driver) | {key: lots.choice(values) for key, values in choices.items()}
        if is_small(case):
            return case | {"seed": seed}


def differences(case, plain):
    return {key: value for key, value in case.items() if value != plain[key]}


def shrink(case, plain, fails):
    """Takes back one difference after the other as long as `fails(case)`; `fails` may answer None,
    when there is no time left to ask."""
    for key in differences(case, plain):
        smaller = case | {key: plain[key]}
        answer = fails(smaller)
        if answer is None:
            break
        if answer:
            case = smaller
    return case


def files(case):
    """Contents of the workload, and what it changes in the driver file."""
    driver = {k.removeprefix("driver."): v for k, v in case.items() if k.startswith("driver.")}
    workload = {k: v for k, v in case.items() if not k.startswith("driver.")}
    workload |= {
        "name": "healthy",
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "samplePeriod": "1s",
    }
    return workload, driver
