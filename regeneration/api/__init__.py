"""The API's view of attempts and of the rejections they answer."""
