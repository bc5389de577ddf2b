"""SFTP: the files of a host, in the connection of a shell or beside a desktop."""
