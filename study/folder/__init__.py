"""What lies on disk: the only room that knows the files of a study's folder."""
