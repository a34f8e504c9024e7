"""A FastAPI application, unchanged: ASGI is found by its shape.

python -m reactor serve --app-dir docs/examples fastapi_app:app
"""

import asyncio

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    drink: str
    cups: int = 1


@app.get("/slow")
async def slow():
    await asyncio.sleep(0.01)
    return {"waited": True}


@app.post("/orders")
async def order(order: Order):
    return {"said": f"{order.cups} x {order.drink}"}
