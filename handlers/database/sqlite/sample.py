"""A sample database to try the console without a server: a small shop."""

SAMPLE = ":sample:"
"""The name of the sample; each session has its own copy, which ends with the session."""

SCRIPT = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, country TEXT, since DATE NOT NULL
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, category TEXT NOT NULL, price REAL NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    placed_at DATETIME NOT NULL,
    status TEXT NOT NULL,
    note TEXT
);
CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (order_id, product_id)
) WITHOUT ROWID;
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at);
INSERT INTO customers VALUES
    (1, 'Ada Lovelace', 'London', 'GB', '2019-12-10'),
    (2, 'Grace Hopper', 'New York', 'US', '2020-01-09'),
    (3, '山田 花子', '東京', 'JP', '2020-03-21'),
    (4, 'Søren Kierkegaard', 'København', 'DK', '2020-05-05'),
    (5, 'María Zambrano', 'Málaga', 'ES', '2020-07-22'),
    (6, 'Chinua Achebe', NULL, 'NG', '2021-02-14'),
    (7, 'Simone de Beauvoir', 'Paris', 'FR', '2021-06-01'),
    (8, '李 清照', '济南', 'CN', '2021-09-30'),
    (9, 'Astrid Lindgren', 'Stockholm', 'SE', '2022-04-04'),
    (10, 'Jorge Amado', 'Salvador', 'BR', '2022-11-17');
INSERT INTO products VALUES
    (1, 'Teapot', 'kitchen', 24.5), (2, 'Kettle', 'kitchen', 39.9), (3, 'Cup', 'kitchen', 4.25),
    (4, 'Notebook', 'paper', 3.2), (5, 'Fountain pen', 'paper', 48), (6, 'Ink, blue', 'paper', 7.8),
    (7, 'Desk lamp', 'office', 62), (8, 'Stapler', 'office', 11.5), (9, 'Globe', 'office', 129);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO orders
SELECT i, 1 + (i * 7919) % 10, datetime('2023-01-01', (i * 397) || ' minutes'),
    CASE WHEN i > 1980 THEN 'open' WHEN i % 37 = 0 THEN 'returned' ELSE 'delivered' END,
    CASE WHEN i % 53 = 0 THEN 'leave it with the neighbours' END
FROM n;
INSERT INTO order_items
SELECT o.id, p.id, 1 + (o.id + p.id) % 4 FROM orders o
JOIN products p ON (o.id * 31 + p.id) % 5 = 0;
CREATE VIEW revenue AS
SELECT strftime('%Y-%m', placed_at) AS month, count(DISTINCT o.id) AS orders,
    round(sum(quantity * price), 2) AS total
FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id
WHERE status <> 'returned' GROUP BY 1;
"""
