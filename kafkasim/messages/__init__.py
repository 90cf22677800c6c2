"""What travels: one request and one response per API, under Kafka's and ZooKeeper's names."""
