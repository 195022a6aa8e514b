"""The measuring stick: quality on ground truth, for pictures and clips, through the pipeline that users run."""
