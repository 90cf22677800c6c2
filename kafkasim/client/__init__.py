"""What a user's program holds: the classes of kafka-python 3.x, over the native clients of the simulated cluster."""
