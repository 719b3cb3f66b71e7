"""What every API view shares: strict JSON, fields that say what is allowed, one shape of error, rate limits."""
