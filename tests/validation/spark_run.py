"""A program of its own, in Spark's environment: worlds and rules in as JSON, findings out.

stdin: a list of {"tables": {name: {"schema": DDL, "rows": [[…]]}}, "sql": …}; stdout: a list of the
line ids that each rule found, in order. It never imports `yikatong`.
"""

import json
import sys
from datetime import date
from decimal import Decimal

from pyspark.sql import SparkSession
from pyspark.sql.types import DateType, DecimalType, StructType


def main() -> None:
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    told = []
    for world in json.load(sys.stdin):
        for name, table in world["tables"].items():
            schema = StructType.fromDDL(table["schema"])
            rows = [
                [true_value(value, field) for value, field in zip(row, schema, strict=True)]
                for row in table["rows"]
            ]
            spark.createDataFrame(rows, schema).createOrReplaceTempView(name)
        told.append(sorted(row[0] for row in spark.sql(world["sql"]).collect()))
    json.dump(told, sys.stdout)
    spark.stop()


def true_value(value, field):
    """JSON has neither dates nor decimals."""
    if value is None:
        return None
    if isinstance(field.dataType, DateType):
        return date.fromisoformat(value)
    if isinstance(field.dataType, DecimalType):
        return Decimal(value)
    return value


if __name__ == "__main__":
    main()
