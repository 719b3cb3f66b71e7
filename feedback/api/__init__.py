"""The API's shapes of what people say."""
