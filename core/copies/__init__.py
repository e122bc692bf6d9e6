"""Two copies of one project become one."""
