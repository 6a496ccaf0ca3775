"""The stores that a tree can be published to, one a file; `publisher.store` says what each must do."""
