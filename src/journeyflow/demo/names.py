"""First and last names for made-up customers, by language."""

FIRST = {
    "sv": (
        "Alice", "Maja", "Elsa", "Astrid", "Wilma", "Ebba", "Freja", "Märta", "Saga", "Klara",
        "Linnéa", "Åsa", "Birgitta", "Gunilla", "Karin", "Ingrid", "Lucas", "Liam", "Hugo", "Oscar",
        "Axel", "Elias", "Viktor", "Nils", "Björn", "Håkan", "Göran", "Östen", "Mats", "Lars", "Johan",
        "Anders",
    ),
    "en": (
        "Olivia", "Amelia", "Isla", "Grace", "Emily", "Charlotte", "Harriet", "Zoe", "Megan",
        "Eleanor", "George", "Harry", "Jack", "Oliver", "Arthur", "Noah", "Daniel", "Samuel",
        "Malcolm", "Trevor",
    ),
    "nl": (
        "Emma", "Julia", "Sanne", "Lotte", "Fleur", "Anouk", "Noor", "Daan", "Sem", "Bram", "Thijs",
        "Jeroen", "Willem", "Ruben", "Sjoerd", "Joost",
    ),
}  # fmt: skip

LAST = {
    "sv": (
        "Andersson", "Johansson", "Karlsson", "Nilsson", "Eriksson", "Larsson", "Olsson", "Persson",
        "Lindberg", "Sandström", "Bergqvist", "Åkesson", "Öberg", "Sjögren", "Hägglund", "Nyström",
        "Wallin", "Holm", "Forsberg", "Ekdahl",
    ),
    "en": (
        "Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Evans", "Walker", "Wright",
        "Green", "Hall", "Wood", "Clarke", "O'Brien", "Harrison-Cole", "Fletcher", "Marsh", "Whitlock",
    ),
    "nl": (
        "Jansen", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "Bos", "Vos", "Peters", "Hendriks",
        "Dekker", "Dijkstra", "Kuipers",
    ),
}  # fmt: skip
