"""All paying banks of a county set, in one process: SFTP folders, books, a treasury port."""
