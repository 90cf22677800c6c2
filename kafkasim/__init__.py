"""kafkasim: a whole Kafka cluster to run, break and understand."""
