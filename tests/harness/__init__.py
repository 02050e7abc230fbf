"""What the tests of whole runs share: the command under test, its victims, and how to read what was recorded."""
