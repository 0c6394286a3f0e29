"""What carries requests, reports and pictures between server and workers."""
