"""`collect`: the queue's other end for those who outgrow one hub. Any number of workers read it and write into one PostgreSQL."""
