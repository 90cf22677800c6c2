"""What Kafka decides: rules without clock, chance or waiting. Read it as the textbook."""
