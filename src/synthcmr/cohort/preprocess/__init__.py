"""What is done once, at ingest, to every image: order slices, turn, resample, crop, scale."""

from synthcmr.cohort.preprocess.pipeline import preprocess as preprocess
from synthcmr.cohort.preprocess.pipeline import to_record as to_record
