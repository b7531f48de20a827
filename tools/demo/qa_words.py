"""Word lists and small generators that fill the slots of the text patterns.

Every function in SLOTS takes a random.Random and returns a piece of text. Names of
persons, towns, companies and works are put together at random, so that a model cannot
remember answers and has to read them.
"""

FIRST_F = """Alma Agnes Beatrix Brenda Carla Clara Daphne Delia Edith Elsa Fatou Fiona Greta Gwen Hanne Hilda Ingrid Irene
Joanna Judith Katrin Kirsten Leila Lucia Mabel Maren Nadia Nora Olga Paula Petra Priya Ramona Renata Rosa Sigrid Sonia
Tamara Thelma Ulrike Vera Wanda Yasmin Yvonne Zelda Amina Chiara Ewa Hana Ines Mei Noor Sana Tuva Aisha Bridget Caroline
Doris Emma Hannah Julia Laura Martha Naomi Rachel Sarah Teresa Violet""".split()
FIRST_M = """Aldo Anton Arvid Basil Bernard Boris Casper Cedric Conrad Dario Desmond Edgar Emil Enzo Farid Felix Gerald
Gustav Hamid Hector Hugo Igor Ivor Jasper Jonas Karim Kofi Lars Leon Lionel Magnus Mario Mehmet Nils Norman Oskar Otto
Pavel Pedro Quentin Rafael Ralph Roland Rupert Samir Stefan Sven Tariq Theo Tobias Ulf Victor Viktor Walter Wilfred
Yusuf Zoltan Andrew Benjamin Colin Daniel Eric Frank Gavin Henrik Ian Jack Kenneth Luke Martin Neil Oliver Patrick Simon
Tom Vincent""".split()
LAST = """Abernathy Adeyemi Almeida Anders Ashworth Barlow Bergstrom Bianchi Blackwood Bonnet Brandt Calloway Castell
Chandra Clarke Corrigan Dahl Dalton Delacroix Demir Dobson Dunmore Eklund Ellery Esposito Fairbanks Farrow Ferreira
Fischer Fontaine Gallagher Garland Grady Greenlaw Haddad Halvorsen Hartmann Hatcher Hayashi Holloway Horvath Ibsworth
Ishikawa Jansen Jarvis Jellicoe Kaminski Kapoor Keating Kimura Kowal Lachance Lambert Langley Larkin Lindqvist Lockhart
Lombardi Mackay Mancini Marlow Mbeki Meyer Moreau Mukherjee Nakata Navarro Nielsen Novak Oakley Obermann Okafor Olsen
Ortega Osborne Paxton Pereira Petrov Pickering Prescott Quigley Radford Ramsey Reyes Ridley Rosen Rossi Sandoval
Schofield Sefton Sheridan Silva Sorensen Stanhope Sutter Tanaka Tate Thackery Thorne Tolliver Tremblay Underhill Vance
Varga Vasquez Verhoeven Wainwright Weber Westlake Whitlock Winslow Woodruff Yamada Yates Zielinski""".split()
SYL_A = """Al An Ar Bel Ber Bor Bram Cal Car Cor Dal Dor Dun El Er Fal Far Fen Gal Gar Glen Hal Har Hol Il Is Jar Kal
Kel Kor Lan Lar Lin Lor Mal Mar Mel Mor Nar Nor Ol Or Pal Par Per Quin Ran Ros Sal Sar Sel Sor Tal Tar Tor Ul Ur Val
Var Vel Vor Wal Wen Wil Yar Zan Zel""".split()
SYL_B = """a e i o u an en in on ar er or al el ab ad""".split()
SYL_C = """bury ton ford ham mouth field bridge wick worth stead berg burg dorf stad vik ville mont nova polis grad
mora tana lia dina rica sola vara dale minster haven port gate ley nia ria thal heim ka""".split()
COUNTRY = """Albania Algeria Angola Armenia Azerbaijan Belize Bolivia Botswana Bulgaria Cambodia Croatia Cyprus Ecuador
Estonia Fiji Georgia Ghana Guatemala Honduras Jordan Kazakhstan Laos Latvia Lithuania Malawi Malta Moldova Mongolia
Namibia Nepal Nicaragua Oman Paraguay Romania Senegal Serbia Slovakia Slovenia Somalia Tanzania Togo Tunisia Uganda
Ukraine Uruguay Uzbekistan Yemen Zambia""".split()
NAT = """Albanian Algerian Armenian Bolivian Bulgarian Cambodian Croatian Danish Ecuadorian Estonian Finnish Ghanaian
Hungarian Irish Jordanian Latvian Lithuanian Maltese Mongolian Nepalese Norwegian Paraguayan Romanian Scottish Senegalese
Serbian Slovak Slovenian Swedish Tunisian Turkish Ugandan Ukrainian Uruguayan Welsh Zambian Canadian Belgian""".split()
MONTH = "January February March April May June July August September October November December".split()
WEEKDAY = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty""".split()


def pool(text):
    """Splits a text at its commas."""
    return [" ".join(w.split()) for w in text.split(",") if w.strip()]


PROF = pool("""chemist, physicist, botanist, surgeon, lawyer, engineer, teacher, journalist, carpenter, blacksmith, monk,
architect, sailor, farmer, merchant, nurse, astronomer, geologist, mathematician, watchmaker, painter, sculptor, poet,
novelist, photographer, banker, priest, soldier, fisherman, tailor, baker, librarian, pharmacist, zoologist, economist,
mechanic, shoemaker, historian, miner, diplomat, printer, glassblower, optician, gardener, biologist, philosopher""")
FIELD = pool("""chemistry, law, medicine, botany, physics, mathematics, philosophy, economics, architecture, history,
geology, engineering, music, theology, astronomy, linguistics, psychology, biology, literature, art history, agriculture,
computer science, political science, civil engineering, marine biology, veterinary medicine""")
MATERIAL = pool("""granite, oak, steel, bronze, clay, marble, cast iron, glass, limestone, copper, bamboo, sandstone,
red brick, concrete, silver, cedar wood, wool, leather, cotton, aluminium, ivory, silk, plastic, slate, timber, tin,
porcelain, titanium, flax, recycled paper, carbon fibre, stainless steel, basalt, beeswax""")
ANIMAL = pool("""otters, foxes, wild boar, herons, seals, lynx, beavers, owls, turtles, frogs, deer, wolves, badgers,
storks, bats, hedgehogs, lizards, snails, salmon, trout, eels, crabs, beetles, dragonflies, moths, mice, rabbits, squirrels,
ants, earthworms, geese, ducks, grasshoppers, spiders, shrimp, small fish, squid, plankton, termites, caterpillars""")
PLANT = pool("""oak, beech, heather, wild garlic, juniper, pine, birch, orchids, ferns, moss, willow, ivy, bluebells,
poppies, cactus, lavender, olive trees, cypress, maple, chestnut, reeds, clover, thistles, mangroves, eucalyptus""")
CROP = pool("""wheat, barley, olives, grapes, cotton, sugar beet, rice, maize, tobacco, tea, coffee, potatoes, oranges,
apples, cocoa, bananas, lentils, hops, sunflowers, onions, soybeans, dates, figs, vanilla, pepper, rye, cherries, almonds""")
FOOD = pool("""beans, lamb, goat cheese, honey, walnuts, chickpeas, noodles, smoked fish, dumplings, rye bread, mushrooms,
carrots, garlic, butter, yoghurt, sausages, pumpkin, raisins, cinnamon, dried tomatoes, spinach, coconut milk, ginger,
cabbage, onions, lentils, eggs, chicken, pork, potatoes, rice, plums, lemon juice, olive oil, sour cream, sesame seeds,
fresh mint, red peppers, almonds, cream, salt, brown sugar, mustard, parsley""")
DRINK = pool("""green tea, apple juice, cider, black coffee, lemonade, hot chocolate, red wine, mineral water, dark beer,
ginger ale, buttermilk, herbal tea, orange juice, tomato juice, espresso, iced tea""")
COLOR = pool("""red, blue, green, yellow, white, black, purple, orange, grey, brown, pale blue, dark green, silver, gold,
pink, turquoise, crimson, violet, navy blue, bright yellow, cream, scarlet""")
SPORT = pool("""rowing, handball, cricket, cycling, wrestling, fencing, swimming, hockey, volleyball, rugby, gymnastics,
judo, badminton, table tennis, water polo, ski jumping, archery, sailing, baseball, basketball, netball, long jump""")
INSTR = pool("""violin, cello, piano, flute, trumpet, organ, harp, guitar, clarinet, drums, accordion, oboe, trombone, lute,
saxophone, double bass, viola, mandolin""")
DISEASE = pool("""typhus, measles, scurvy, diphtheria, yellow fever, mumps, gout, anaemia, pneumonia, leprosy, whooping cough,
river fever, marsh fever, sleeping sickness, grey rash, hay fever, bone rot, glass lung, dry cough, winter flu""")
SYMPTOM = pool("""a high fever, joint pain, a dry cough, a red rash on the arms, swollen glands, severe headaches, loss of appetite,
blurred vision, muscle weakness, shortness of breath, night sweats, dizziness, stomach cramps, a sore throat, numb fingers,
hair loss, yellow skin, itching, difficulty swallowing, extreme tiredness""")
ORGAN = pool("""liver, kidneys, pancreas, spleen, lungs, stomach, bladder, thyroid gland, small intestine, bone marrow, skin,
brain, gall bladder, heart, inner ear, spinal cord, retina, large intestine, lymph nodes, tongue""")
SUBST = pool("""sulphur, nitrogen, zinc, phosphorus, potassium, chlorine, iodine, nickel, mercury, lead, sodium, magnesium,
boron, argon, iron oxide, salt, quartz, graphite, ammonia, methane, carbon dioxide, sulphuric acid, ethanol, cobalt,
tungsten, lithium, uranium, platinum, chalk, calcium carbonate, hydrogen peroxide, silica, lime, acetone""")
DEVICE = pool("""steam pump, pocket lamp, threshing machine, knitting frame, safety lamp, sewing machine, letter scale, diving
helmet, water filter, typewriter, milking machine, spirit level, pressure cooker, fountain pen, ice maker, hearing aid,
parking meter, zip fastener, folding ladder, hand mill, wind turbine, electric kettle, can opener, metal detector, lawn mower,
cash register, printing press, air brake, weather balloon, tape recorder, vacuum cleaner, bottle opener, lightning rod""")
TOOL = pool("""a hammer, a steel wire, a long pole, a wooden spoon, a magnet, a rope, a microscope, a small drone, a bucket,
a laser, a fine brush, a sharp knife, a hand drill, a torch, hot steam, cold water, a thin needle, a stone axe, a net,
a camera, compressed air, infrared light, two mirrors, a telescope, a pair of tongs, a wet cloth, sandpaper, a canoe""")
THING = pool("""bell, fence, boat, roof, clock, painting, door, wagon, lamp, staircase, well, barn, statue, carpet, mill,
boiler, piano, desk, window, manuscript, chimney, gate, engine, tent, basket, kettle, ladder, mirror, ring, sword, tractor,
suitcase, bench, parcel, crown, flag, telescope, printer, bicycle, camera, sofa, cupboard, drum, map, necklace, coin, cart,
helmet, saddle, oven, table, chair, letter, package, trunk, keyboard, sculpture, vase, plough, anchor, canoe, satellite""")
ADJ = pool("""old, small, heavy, broken, wooden, new, large, narrow, ancient, rusty, famous, modern, expensive, rare, tall, round,
damaged, beautiful, simple, huge, painted, stolen, forgotten, experimental, portable, medieval, golden, cheap, early, secret,
unusual, abandoned, three-wheeled, hand-made, second-hand, unfinished, waterproof""")
GROUP = pool("""fishermen, local farmers, monks, students, merchants, soldiers, volunteers, shepherds, settlers, miners, nuns,
pilgrims, traders, refugees, engineers, railway workers, weavers, sailors, nomads, tourists, hunters, retired teachers,
young couples, factory workers, craftsmen, scouts, scientists, nobles, dock workers, school children""")
BODY = pool("""the city council, the ministry of health, the royal court, the local parish, the harbour authority, the state
parliament, the water board, the national bank, the trade union, the supreme court, the fire brigade, the tourist board,
the farmers' association, the ministry of transport, the school board, the health department, the central government,
the housing committee, the border police, the academy of sciences, the national trust, the coast guard, the navy""")
INDUSTRY = pool("""shipbuilding, tourism, glass making, mining, fishing, forestry, textiles, steel production, dairy farming, wine making,
insurance, paper making, car manufacturing, salt trade, software, banking, pottery, furniture making, oil refining, brewing""")
BUILDING = pool("""town hall, cathedral, railway station, lighthouse, opera house, monastery, hospital, school, concert hall,
water tower, city gate, palace, chapel, market hall, prison, warehouse, theatre, post office, observatory, stadium, temple,
mosque, synagogue, power station, courthouse, barracks, villa, parliament building, swimming pool, archive""")
GENRE = pool("""crime, fantasy, science fiction, romantic, historical, comic, adventure, horror, satirical, detective, war,
coming-of-age, travel, mystery, epistolary, political""")
STYLE = pool("""Gothic, Baroque, Romanesque, Art Nouveau, neoclassical, modernist, Renaissance, brutalist, Byzantine, Art Deco,
Rococo, Tudor, Moorish, half-timbered, Victorian""")
EVENT = pool("""the great flood, the civil war, the harvest festival, the general strike, the coronation, the plague, the land reform,
the winter games, the world fair, the peasants' revolt, the long drought, the royal wedding, the dockers' strike, the gold rush,
the grain crisis, the siege of the city, the second election, the book fair, the regatta, the total eclipse, the fire of 1874""")
LANG = pool("""Estonian, Welsh, Nepali, Swahili, Catalan, Maltese, Georgian, Slovak, Tamil, Basque, Quechua, Hausa, Finnish, Tagalog,
Romanian, Lithuanian, Croatian, Somali, Frisian, Wolof""")
VEHICLE = pool("""bus, tram, ferry, train, bicycle, van, motorbike, helicopter, cable car, taxi, canoe, ox cart, sledge, truck, night train, camel""")
CLOTH = pool("""jacket, scarf, pair of boots, raincoat, winter coat, jumper, dress, hat, pair of gloves, backpack, shirt, belt""")
PRODUCT = pool("""coffee machine, desk lamp, garden table, printer, washing machine, office chair, headset, toaster, tent, water bottle,
bicycle helmet, keyboard, bookshelf, blender, monitor, suitcase, camera, vacuum cleaner, electric drill, mattress, alarm clock, phone case,
rice cooker, lawn mower, router, tablet, sewing machine, hair dryer, fish tank, frying pan, snow shovel, wine rack""")
ROOM = pool("""room 12, the main hall, the library, the garden room, conference room B, the basement, the canteen, the second floor,
room 204, the lecture theatre, the roof terrace, the north wing, the lobby, the blue room, building 7, the sports hall, meeting room 3""")
KIN = pool("brother, sister, uncle, aunt, cousin, grandfather, grandmother, father, mother, neighbour, nephew, niece, son, daughter")
PET = pool("dog, cat, parrot, rabbit, pony, hamster, goldfish, tortoise, canary, guinea pig")
VP = pool("""protect the harbour from storms, carry coal to the coast, measure the depth of the water, store grain for the winter,
treat wounded soldiers, raise money for the hospital, escape the cold winters, attract more visitors, cut the cost of transport,
study the movement of glaciers, pay for the new school, teach poor children to read, keep out invaders, save space,
prevent further accidents, celebrate the end of the harvest, warn ships of the rocks, reduce noise, find a shorter route to the east,
supply the town with drinking water, collect taxes, honour the victims of the flood, improve the quality of the soil,
train young nurses, look after a sick relative, defend the mountain pass, repay old debts, make room for a larger kitchen,
test a new kind of engine, bring fresh fish to the market, stop the spread of the disease, help people with poor eyesight,
learn the language, keep the wine cool, grind corn, dry tobacco leaves, lift heavy stones, cool the machines, send secret messages,
compare the two methods, remove salt from sea water, count passing birds, observe the stars, reach the upper floors,
separate the cream from the milk, drain the marshes, link the two halves of the city, spend more time with the family,
take part in the championship, finish a degree, avoid the morning traffic, restore the old paintings, clean the air, save energy,
catch insects, find food in the mud, scare away predators, balance on branches, keep warm in winter, attract a mate, dig tunnels,
store data safely, check the spelling of long texts, print labels, predict the weather, detect smoke, filter dust from the air""")
GERUND = pool("""digging a canal by hand, selling tickets in advance, melting the ore in a furnace, walking across the frozen lake,
heating the mixture slowly, comparing old maps, copying the letters by hand, mixing sand with lime, borrowing money from friends,
counting tree rings, burning wood chips, reading the meter every hour, drilling a hole through the rock, hiding in a barrel,
lowering the price by a third, asking every household, rubbing two sticks together, diverting the river, using solar panels,
training dogs to find it, drying the leaves in the sun, writing to the newspaper, adding a little vinegar, boiling sea water,
opening a second shop, planting thousands of trees, following the tracks in the snow, bribing a guard, building a dam upstream,
pressing the red button twice, entering the code from the email, calling the service line, washing it in cold water,
turning the wheel to the left, storing water in its stem, changing the colour of its skin, sending out short clicks, folding its wings,
vibrating its tail, releasing a bitter liquid, filling in an online form, scanning the code at the entrance""")
CLAUSE_NP = pool("""the road, the bridge, the king, the harvest, the harbour, the old roof, the main supplier, the river, the town,
the workers, the owner, the machine, the new law, the price of wool, the audience, the ship, the mine, the battery, the company,
the heating, the factory, the delivery van, the council, the lead actor, the ground, the wall, the director, the company's bank""")
CLAUSE_VP = pool("""had run out of money, was flooded, could not be repaired in time, had burned down, was considered too dangerous,
had fallen ill, was blocked by ice, had lost too many members, did not pass the safety inspection, was closed for repairs, had failed twice,
was no longer needed, had become too small, refused to sign the contract, was declared unsafe, had been sold to a rival,
used too much fuel, had moved to another city, was damaged in a storm, went on strike, could not meet the demand, was too expensive,
had been delayed by snow, ran out of water, had lost an important case in court, was infested with beetles, contained too much salt""")
ORGTYPE = pool("""hospital, orphanage, newspaper, bank, printing house, theatre company, football club, orchestra, research institute,
charity, trading company, airline, publishing house, school for girls, trade union, political party, music school, choir, shipping line, brewery""")
COMPANY_TAIL = pool("Industries, Foods, Motors, Systems, Brothers, Textiles, Airways, Logistics, Software, Glassworks, Energy, & Sons, Instruments, Toys, Brewery, Group, Mills, Electric, Robotics, Shipping")
TITLE_A = pool("The Silent, The Last, A Distant, The Crooked, Seven, The Glass, Beyond the, Winter, The Salt, Letters from the, The Iron, Under the, The Paper, Night, The Wandering, The Orchard of, The Stolen, My Brother's, Return to the, The Hollow")
TITLE_B = pool("Harbour, Garden, Lantern, Road, Mirrors, Orchard, River, Clockmaker, Kingdom, Bridge, Shepherd, Winter, Island, Staircase, Tide, Neighbour, Violin, Mountain, Feast, Sparrows, Cathedral, Desert, Moon, Horses, Library")
AWARD_B = pool("Prize, Medal, Award, Cup, Fellowship, Trophy, Order")
RELIGION = pool("sun, sea, harvest, thunder, moon, war, fire, hunting, rivers, death, wine, healing, travellers, spring, love, wisdom, craftsmen, forest")
JOB = pool("""head chef, sales manager, chairman, managing director, site manager, head teacher, editor, mayor, head gardener, president,
treasurer, chief engineer, conductor, captain, head coach, prime minister, governor, bishop, night watchman, deputy director, team leader,
project manager, head of security, receptionist, accountant, caretaker, senior developer, curator, goalkeeper""")


def n(rng, lo, hi):
    return f"{rng.randint(lo, hi):,}"


def small_number(rng):
    v = rng.randint(2, 20)
    return SMALL[v] if rng.random() < 0.6 else str(v)


def plural_unit(rng, lo, hi, unit):
    v = rng.randint(lo, hi)
    return f"{SMALL[v] if v <= 12 and rng.random() < .6 else v} {unit if v == 1 else unit + 's'}"


def proper(rng):
    return rng.choice(SYL_A) + (rng.choice(SYL_B) if rng.random() < .45 else "") + rng.choice(SYL_C)


def gender(rng):
    return rng.choice("fm")


def person(rng, sex=None):
    sex = sex or gender(rng)
    name = rng.choice(FIRST_F if sex == "f" else FIRST_M) + " "
    r = rng.random()
    if r < .12:
        name += rng.choice("ABCDEFGHJKLMNPRSTW") + ". "
    elif r < .18:
        name += rng.choice(["de ", "van ", "von ", "al-", "Mac"])
    return name + rng.choice(LAST)


def year(rng):
    r = rng.random()
    if r < .6:
        return str(rng.randint(1780, 2023))
    return str(rng.randint(1050, 1779))


def daymonth(rng):
    d, m = rng.randint(1, 28), rng.choice(MONTH)
    end = "th" if 10 < d < 20 else {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
    return rng.choice([f"{d} {m}", f"{m} {d}", f"{d} {m}", f"{m} {d}{end}", f"{d}{end} {m}", f"the {d}{end} of {m}"])


def date(rng):
    d, m, y = rng.randint(1, 28), rng.choice(MONTH), year(rng)
    return rng.choice([f"{d} {m} {y}", f"{m} {d}, {y}", f"{m} {y}", y, y, y])


def time(rng):
    h, m = rng.randint(1, 12), rng.choice(["00", "15", "30", "45", "10", "20"])
    h24 = rng.randint(6, 22)
    return rng.choice([f"{h}:{m} {rng.choice(['am', 'pm'])}", f"{h} {rng.choice(['am', 'pm', 'a.m.', 'p.m.'])}", f"{h24}:{m}",
                       f"{SMALL[h]} o'clock", f"half past {SMALL[h]}", "noon", "midnight", f"{h}:{m}"])


def century(rng):
    c = rng.randint(9, 20)
    word = {9: "ninth", 10: "tenth", 11: "eleventh", 12: "twelfth", 13: "thirteenth", 14: "fourteenth", 15: "fifteenth",
            16: "sixteenth", 17: "seventeenth", 18: "eighteenth", 19: "nineteenth", 20: "twentieth"}[c]
    return rng.choice(["", "", "late ", "early ", "mid-"]) + (word if rng.random() < .4 else f"{c}th") + " century"


def money(rng):
    cur = rng.choice(["$", "£", "€"])
    r = rng.random()
    if r < .35:
        return f"{cur}{rng.randint(2, 99)}" + (f".{rng.choice(['50', '99', '95', '20'])}" if rng.random() < .4 else "")
    if r < .55:
        return f"{cur}{n(rng, 100, 99000)}"
    if r < .8:
        return f"{cur}{rng.choice([rng.randint(2, 90), round(rng.uniform(1, 9), 1)])} {rng.choice(['million', 'billion', 'million'])}"
    return f"{n(rng, 2, 5000)} {rng.choice(['dollars', 'euros', 'pounds', 'crowns', 'gold coins', 'francs', 'cents'])}"


def big(rng):
    r = rng.random()
    if r < .5:
        return n(rng, 1000, 990000)
    return f"{rng.choice([rng.randint(2, 90), round(rng.uniform(1, 9), 1)])} {rng.choice(['million', 'million', 'billion'])}"


def any_number(rng):
    r = rng.random()
    return small_number(rng) if r < .45 else n(rng, 13, 999) if r < .8 else n(rng, 1000, 90000)


def quantity(rng, lo, hi, units):
    v = rng.uniform(lo, hi)
    return f"{round(v, 1) if v < 10 or rng.random() < .2 else f'{round(v):,}'} {rng.choice(units)}"


def company(rng):
    return rng.choice([proper, lambda r: r.choice(LAST)])(rng) + " " + rng.choice(COMPANY_TAIL)


def country(rng):
    return rng.choice(COUNTRY) if rng.random() < .75 else rng.choice(SYL_A) + rng.choice(SYL_B) + rng.choice(["nia", "ria", "stan", "land", "via"])


def town(rng):
    r = rng.random()
    if r < .08:
        return rng.choice(["Port ", "New ", "Saint ", "Mount ", "East ", "Upper "]) + proper(rng)
    return proper(rng)


def region(rng):
    return rng.choice(["northern {c}", "southern {c}", "eastern {c}", "western {c}", "central {c}", "{c}", "{c}", "the {p} valley",
                       "the {p} region", "the {p} highlands", "the {p} peninsula", "{p} County", "the province of {p}", "the {p} islands",
                       "the east of {c}", "the far north of {c}", "the {p} plateau"]).format(c=country(rng), p=proper(rng))


def reason(rng):
    return rng.choice(CLAUSE_NP) + " " + rng.choice(CLAUSE_VP)


def animal_name(rng):
    return rng.choice(["red", "spotted", "common", "lesser", "great", "striped", "long-tailed", "grey", "blue-winged", "horned", "dwarf", "marsh",
                       proper(rng)]) + " " + rng.choice(pool("""tamarin, shrew, gecko, heron, newt, antelope, dormouse, lemur, toad, weasel, crane, falcon,
                       marmot, warbler, lizard, tortoise, moth, catfish, seal, bat, fox, goat, finch, gull, hare, otter, swift, crab, kestrel, mole, octopus"""))


def pick(words):
    return lambda rng: rng.choice(words)


def thing(rng):
    return (rng.choice(ADJ) + " " if rng.random() < .5 else "") + rng.choice(THING)


def quoted(text, rng):
    return f'"{text}"' if rng.random() < .25 else text


def title(rng):
    return quoted(rng.choice(TITLE_A) + " " + rng.choice(TITLE_B), rng)


def pair(words):
    def f(rng):
        a, b = rng.sample(words, 2)
        return f"{a} and {b}"
    return f


def triple(words):
    def f(rng):
        a, b, c = rng.sample(words, 3)
        return f"{a}, {b} and {c}"
    return f


SLOTS = dict(
    person=person, man=lambda r: person(r, "m"), woman=lambda r: person(r, "f"), first=lambda r: r.choice(FIRST_F + FIRST_M), last=pick(LAST),
    proper=proper, town=town, country=country, region=region, nat=pick(NAT), year=year, date=date, daymonth=daymonth, month=pick(MONTH),
    weekday=pick(WEEKDAY), time=time, century=century, season=pick(["spring", "summer", "autumn", "winter"]),
    decade=lambda r: f"{r.choice(['', '', 'early ', 'late '])}{r.randint(175, 202)}0s",
    dir=pick(["northern", "southern", "eastern", "western", "central", "north-eastern", "south-western"]),
    compass=pick(["north", "south", "east", "west", "north-west", "south-east"]),
    ns=small_number, n=any_number, big=big, n3=lambda r: n(r, 13, 999), n4=lambda r: n(r, 1000, 90000), money=money,
    pct=lambda r: f"{r.choice([r.randint(2, 95), round(r.uniform(1, 30), 1)])}{r.choice(['%', ' percent', ' per cent'])}",
    frac=pick(pool("half, a third, two thirds, a quarter, three quarters, one in five, a fifth, nine out of ten, more than half, nearly a third")),
    years=lambda r: plural_unit(r, 2, 60, "year"), days=lambda r: plural_unit(r, 2, 40, r.choice(["day", "week", "month", "working day"])),
    mins=lambda r: plural_unit(r, 2, 55, r.choice(["minute", "minute", "hour", "second"])),
    km=lambda r: quantity(r, 2, 3000, ["kilometres", "km", "miles", "kilometers"]), m=lambda r: quantity(r, 2, 900, ["metres", "m", "feet", "meters"]),
    cm=lambda r: quantity(r, 2, 90, ["centimetres", "cm", "inches", "millimetres"]), kg=lambda r: quantity(r, 2, 900, ["kilograms", "kg", "tonnes", "pounds", "tons", "grams"]),
    area=lambda r: quantity(r, 3, 9000, ["square kilometres", "hectares", "square miles", "acres"]), speed=lambda r: quantity(r, 8, 320, ["km/h", "miles per hour", "kilometres per hour", "knots"]),
    temp=lambda r: f"{r.randint(-40, 1800)} {r.choice(['°C', 'degrees', 'degrees Celsius', '°F'])}", litre=lambda r: quantity(r, 2, 900, ["litres", "gallons", "ml", "cups"]),
    age=lambda r: str(r.randint(5, 95)), order=lambda r: f"{r.choice(['A', 'B', 'K', '', 'N-', '#'])}{r.randint(1000, 99999)}",
    company=company, uni=lambda r: r.choice(["the University of {}", "{} University", "{} College", "the {} Academy", "the Technical University of {}"]).format(proper(r)),
    paper=lambda r: "the " + proper(r) + " " + r.choice(["Gazette", "Herald", "Times", "Observer", "Courier", "Post"]),
    range=lambda r: "the " + proper(r) + " " + r.choice(["Mountains", "Hills", "Alps", "Range"]), sea=lambda r: r.choice(["the Sea of {}", "the {} Sea", "the {} Gulf", "Lake {}", "the Bay of {}", "the {} Ocean"]).format(proper(r)),
    rivername=lambda r: r.choice(["the {}", "the {} River", "the River {}"]).format(proper(r)), lakename=lambda r: "Lake " + proper(r), island=lambda r: r.choice(["{} Island", "the island of {}", "the {} Islands"]).format(proper(r)),
    street=lambda r: f"{r.choice(['', str(r.randint(1, 250)) + ' '])}{r.choice([proper(r), r.choice(LAST), 'Mill', 'Station', 'Church', 'High', 'Garden'])} {r.choice(['Street', 'Road', 'Lane', 'Avenue', 'Square'])}",
    profa=pick(PROF), prof=lambda r: (r.choice(NAT) + " " if r.random() < .5 else "") + r.choice(PROF), field=pick(FIELD), material=pick(MATERIAL), animals=pick(ANIMAL), animals2=pair(ANIMAL), animal=animal_name, plant=pick(PLANT), plants2=pair(PLANT), crop=pick(CROP), crops2=pair(CROP), crops3=triple(CROP),
    food=pick(FOOD), foods2=pair(FOOD), foods3=triple(FOOD), drink=pick(DRINK), color=pick(COLOR), colors2=pair(COLOR), sport=pick(SPORT), instr=pick(INSTR), disease=pick(DISEASE), symptom=pick(SYMPTOM), symptoms2=pair(SYMPTOM),
    organ=pick(ORGAN), subst=pick(SUBST), subst2=pair(SUBST), device=pick(DEVICE), tool=pick(TOOL), thing=thing, noun=pick(THING), adj=pick(ADJ), group=pick(GROUP), body=pick(BODY), industry=pick(INDUSTRY), industries2=pair(INDUSTRY), industries3=triple(INDUSTRY),
    building=pick(BUILDING), buildings2=lambda r: "the " + " and the ".join(r.sample(BUILDING, 2)), genre=pick(GENRE), style=pick(STYLE), event=pick(EVENT), lang=pick(LANG), langs2=pair(LANG), vehicle=pick(VEHICLE), cloth=pick(CLOTH), product=pick(PRODUCT),
    room=pick(ROOM), kin=pick(KIN), pet=pick(PET), vp=pick(VP), ving=pick(GERUND), reason=reason, orgtype=pick(ORGTYPE), title=title, god=pick(RELIGION), job=pick(JOB),
    award=lambda r: f"the {r.choice([proper(r), r.choice(LAST), r.choice(LAST)])} {r.choice(AWARD_B)}", people2=lambda r: person(r) + " and " + person(r),
    people_n=lambda r: r.choice(pool("the Varni, the Olkans, the Tessari, the Kandur, the Mirovians, the Belgae-like Ostri, the Halmar, the Zurites, the Peloni")),
    model=lambda r: f"{proper(r)} {r.choice(['X', 'M', 'S', 'Pro ', 'GT', 'Mark ', ''])}{r.randint(2, 900)}",
    score=lambda r: f"{r.randint(1, 9)}{r.choice(['–', '-', ' to '])}{r.randint(0, 5)}",
    ordinal=pick(pool("first, second, third, fourth, fifth, sixth, youngest, oldest")),
    plantkind=pick(pool("orchid, lily, thistle, oak, cactus, palm, fern, rose, pine, vine, tulip, mushroom, cedar, berry")),
    dishname=lambda r: proper(r) + r.choice([" pie", " stew", " soup", "ka", " cake", " bread", " dumplings", " salad", "oli"]),
    procname=lambda r: r.choice([proper(r) + " smelting", "the " + proper(r) + " process", "cold rolling", "dry pressing", "salt fermentation",
                                 "the " + r.choice(LAST) + " method", "leaf curing", "slow distillation", "wet spinning", proper(r) + " casting"]),
    a_home=pick(pool("a small flat, a farmhouse, an old mill, a houseboat, a caravan, a tall house, two rooms above a bakery, a wooden hut, a villa with a garden")),
    quote=pick(pool("I never gave up hope, It was the best day of my life, Nobody believed me at first, We will start again tomorrow, You have to be patient, I would do it again, The sea was too rough, Such things happen every year, There was no time to think")),
    event_noun=pick(pool("earthquake, strike, drought, revolt, fire, flood, epidemic, crash, blockade, famine")),
    tool_noun=pick(pool("crane, pump, plough, drill, glue, paint, loom, oven")),
    thing_pair=lambda r: "two " + r.choice(["comets", "islands", "songs", "caves", "metals"]),
)
