"""The one-machine stack: PostgreSQL, Valkey and an MQTT broker, kept alive in one data folder."""
